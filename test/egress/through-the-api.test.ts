// From the API to a host: secrets and sandboxes that were made by calls, used through the proxy, changed by calls and seen in lists.
import { expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { connectTunnel, openTunnel, type TestSandbox, useEgress } from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { until } from "../support/poll.ts";
import { newName, present } from "../support/secrets.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, { hosts: [host] });

/** A secret made over Superserve's API, in a sandbox made over coffer.v1. */
async function make(value: string) {
  const name = newName("upstream");
  const json = { name, value, auth: { type: "bearer" }, hosts: [host] };
  const made = await coffer.fetch("/secrets", { json, headers: { "x-api-key": coffer.ownerToken }, token: null });
  expect(made.status).toBe(201);
  const created = await coffer.clients().egress.createSandbox({ name: "agent", secrets: { API_KEY: name } });
  const sandbox = present(created.sandbox);
  const [bound] = sandbox.secrets;
  const { placeholder = "", secretId = "" } = bound ?? {};
  const { id, workspaceId } = sandbox;
  return { name, secretId, placeholder, sandbox: { id, workspaceId, token: created.token } satisfies TestSandbox };
}

test("a program holds a placeholder, its requests the value, and the owner sees what happened", async () => {
  const { name, secretId, placeholder, sandbox } = await make("first-value");
  const tunnel = await openTunnel(egress, sandbox, host);
  const headers = { authorization: `Bearer ${placeholder}` };
  const ask = () => requestIn(tunnel, { host: `${host}:${egress.upstreamPort}`, path: "/v1/things?q=1", headers });
  expect((await ask()).status).toBe(200);
  expect(egress.seen.at(-1)?.headers.authorization).toBe("Bearer first-value");

  const { egressEvents } = await coffer.clients().egress.listEgressEvents({ sandboxId: sandbox.id });
  expect(egressEvents).toMatchObject([{ secretId, method: "GET", host, path: "/v1/things", status: 200 }]);
  const audit = await coffer.fetch(`/secrets/${name}/audit`, {});
  expect(await audit.json()).toMatchObject([{ sandbox_id: expect.any(String), host, path: "/v1/things", status: 200 }]);
  const shown = async () => (await (await coffer.fetch(`/secrets/${name}`, {})).json()) as { last_used_at?: string };
  await until("its use is shown", async () => (await shown()).last_used_at !== undefined, 4_000);

  // A new value is used within two seconds in the tunnel that is open.
  expect((await coffer.fetch(`/secrets/${name}`, { method: "PATCH", json: { value: "second-value" } })).status).toBe(
    200,
  );
  await until(
    "the new value is used",
    async () => {
      await ask();
      return egress.seen.at(-1)?.headers.authorization === "Bearer second-value";
    },
    2_500,
  );

  await coffer.clients().egress.unbindSecret({ sandboxId: sandbox.id, envKey: "API_KEY" });
  const { status, reason } = await untilRefused(ask);
  expect([status, reason]).toEqual([503, "credential_revoked"]);
  tunnel.destroy();

  const counted = await (await fetch(egress.metricsUrl)).text();
  expect(counted).toMatch(/^coffer_egress_requests_total\{status="2xx",error_code="",swapped="true"\} \d+$/m);
  expect(counted).toMatch(
    /^coffer_egress_requests_total\{status="5xx",error_code="credential_revoked",swapped="\w+"\} 1$/m,
  );
  expect(counted).toMatch(/^coffer_egress_latency_seconds_count\{swapped="true"\} \d+$/m);
  expect(counted).toMatch(/^coffer_egress_body_bytes_total\{direction="down"\} [1-9]\d*$/m);
  for (const text of [host, sandbox.id, secretId, name, placeholder, "-value"]) expect(counted).not.toContain(text);

  await coffer.clients().egress.deleteSandbox({ id: sandbox.id });
  await until("the token is worth nothing", async () => {
    const { head, socket } = await connectTunnel(egress, sandbox.token, `${host}:${egress.upstreamPort}`);
    socket.destroy();
    return head.startsWith("HTTP/1.1 407");
  });
  expect(await coffer.fetch("/secrets", {}).then((list) => list.text())).not.toContain("-value");
});

/** Returns the first unsuccessful answer, within the time that a change may take. */
async function untilRefused(ask: () => ReturnType<typeof requestIn>) {
  const end = performance.now() + 2_500;
  for (;;) {
    const answer = await ask();
    if (answer.status !== 200) return answer;
    if (performance.now() > end) throw new Error("it is still let through");
  }
}
