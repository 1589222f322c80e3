// Opened values are overwritten when no caller gets them: after a use, after a refusal and after a failure.
import { describe, expect, test, vi } from "vitest";
import { AccessEffect } from "../../gen/coffer/v1/access_policy_pb.ts";
import { Sensitive } from "../../src/domain/sensitive.ts";
import { ipIs } from "../support/access-policies.ts";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindAgain, bindSecret, makeSandbox, openTunnel, setRule, useEgress } from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { expectErrors } from "../support/errors.ts";
import { until } from "../support/poll.ts";
import { byId, bytes, createSecret, data, keyValues } from "../support/secrets.ts";
import { served } from "../support/superserve.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, { hosts: [host] });
const anywhere = { conditions: [ipIs(AccessEffect.ALLOW, "0.0.0.0/0")] };

/** The contents of all buffers that were overwritten during `work`, and until `expected` is among them. */
async function overwrittenBy(expected: string, work: () => Promise<unknown>): Promise<string[]> {
  const overwritten: string[] = [];
  const { zero } = Sensitive.prototype;
  const spy = vi.spyOn(Sensitive.prototype, "zero").mockImplementation(function (this: Sensitive) {
    overwritten.push(Buffer.from(this.reveal()).toString("latin1"));
    zero.call(this);
    expect(this.reveal().every((byte) => byte === 0)).toBe(true);
  });
  try {
    await work();
    await until(`${expected} is overwritten`, async () => overwritten.some((text) => text.includes(expected)));
    return overwritten;
  } finally {
    spy.mockRestore();
  }
}

/** New audit events cannot be written meanwhile. Statements that only read still work. */
async function withoutNewEvents(work: () => Promise<unknown>): Promise<void> {
  await coffer.sql("alter table audit_event add constraint no_new_events check (false) not valid");
  try {
    await work();
  } finally {
    await coffer.sql("alter table audit_event drop constraint no_new_events");
  }
}

describe("a value is overwritten", () => {
  test("after it was sealed, and after the proxy has used it", async () => {
    const sandbox = await makeSandbox(coffer);
    let placeholder = "";
    await overwrittenBy("zero-after-seal", async () => {
      ({ placeholder } = await bindSecret(coffer, sandbox, "zero-after-seal", bearerFor(host)));
    });
    const overwritten = await overwrittenBy("zero-after-seal", async () => {
      const tunnel = await openTunnel(egress, sandbox, host);
      const headers = { authorization: `Bearer ${placeholder}` };
      const { status } = await requestIn(tunnel, { host: `${host}:${egress.upstreamPort}`, path: "/", headers });
      expect(status).toBe(200);
    });
    expect(overwritten).toContain("zero-after-seal");
  });

  test("when the event of its reading cannot be written, whatever its form", async () => {
    const { secrets } = coffer.clients();
    const whole = await createSecret(coffer, { value: data("zero-unrecorded"), accessPolicy: anywhere });
    const parts = keyValues({ part: bytes("zero-part-unrecorded") });
    const inParts = await createSecret(coffer, { value: parts, accessPolicy: anywhere });
    for (const [secret, text] of [
      [whole, "zero-unrecorded"],
      [inParts, "zero-part-unrecorded"],
    ] as const) {
      await overwrittenBy(text, () =>
        withoutNewEvents(() =>
          expectErrors([secrets.getSecretValue(byId(secret.id))], { reason: "AUDIT_UNAVAILABLE" }),
        ),
      );
    }
  });

  test("when the proxy cannot send it, because it has no part named value", async () => {
    const sandbox = await makeSandbox(coffer);
    const parts = keyValues({ other: bytes("zero-without-its-part") });
    const { id } = await createSecret(coffer, { value: parts });
    await setRule(coffer, sandbox.workspaceId, id, bearerFor(host));
    const { placeholder } = await bindAgain(coffer, sandbox, id);
    await overwrittenBy("zero-without-its-part", async () => {
      const tunnel = await openTunnel(egress, sandbox, host);
      const headers = { authorization: `Bearer ${placeholder}` };
      const { status } = await requestIn(tunnel, { host: `${host}:${egress.upstreamPort}`, path: "/", headers });
      expect(status).toBe(502);
    });
  });

  test("when the creation of its secret fails after it was sealed", async () => {
    const { name } = await createSecret(coffer);
    await overwrittenBy("zero-of-a-conflict", () =>
      expectErrors([createSecret(coffer, { name, value: data("zero-of-a-conflict") })], { code: "AlreadyExists" }),
    );
  });

  test("after variables of a sandbox were sealed, and after they were read", async () => {
    const json = { name: "agent", env_vars: { MODE: "zero-variable" } };
    let id = "";
    await overwrittenBy("zero-variable", async () => {
      ({ id } = await served<{ id: string }>(coffer, "/sandboxes", { json }));
    });
    await overwrittenBy("zero-variable", async () => {
      expect(await served(coffer, `/sandboxes/${id}`)).toMatchObject(json);
    });
  });
});
