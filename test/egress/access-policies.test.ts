// Access policies of secrets that programs use through the proxy: judged for the address that the sandbox calls from, at each request.

import { beforeEach, describe, expect, test } from "vitest";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { newMember } from "../support/access.ts";
import { ALLOW, DENY, hoursFromNow, ipIs, setPolicy, setStatements } from "../support/access-policies.ts";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindSecret, eventsOf, makeSandbox, openTunnel, useEgress } from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { byId, data, getSecret } from "../support/secrets.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, { hosts: [host] });
const within2s = () => new Promise((resolve) => setTimeout(resolve, 2_000));
beforeEach(() => {
  egress.seen.length = 0;
});

type Policy = Parameters<typeof setPolicy>[2];

async function begin(policy?: Policy) {
  const sandbox = await makeSandbox(coffer);
  const { secretId, placeholder } = await bindSecret(coffer, sandbox, "an-upstream-credential", bearerFor(host));
  if (policy) await setPolicy(coffer, secretId, policy);
  const tunnel = await openTunnel(egress, sandbox, host);
  const headers = { authorization: `Bearer ${placeholder}` };
  const ask = () => requestIn(tunnel, { host: `${host}:${egress.upstreamPort}`, headers });
  return { sandbox, secretId, tunnel, ask };
}

describe("a policy", () => {
  test.each<[string, Policy]>([
    ["denies the address", { conditions: [ipIs(DENY, "127.0.0.0/8")] }],
    ["allows other addresses", { conditions: [ipIs(ALLOW, "203.0.113.0/24")] }],
    ["denies the hour", { conditions: [ipIs(ALLOW, "127.0.0.1"), hoursFromNow(DENY, 0, 2)] }],
  ])("that %s: the request is refused and noted, and reaches no host", async (_, policy) => {
    const { ask, sandbox, secretId, tunnel } = await begin(policy);
    expect(await ask()).toMatchObject({ status: 403, reason: "access_policy_denied" });
    expect(egress.seen).toEqual([]);
    expect(await eventsOf(coffer, sandbox)).toMatchObject([
      { secret_id: secretId, status: 403, error_code: "access_policy_denied" },
    ]);
    expect(await coffer.sql("select 1 from audit_event where principal_id = $1", [sandbox.id])).toEqual([]);
    tunnel.destroy();
  });

  test("that allows the address and the hour lets the value out", async () => {
    const { ask, tunnel } = await begin({ conditions: [ipIs(ALLOW, "127.0.0.1"), hoursFromNow(ALLOW, 0, 2)] });
    expect((await ask()).status).toBe(200);
    expect(egress.seen.at(-1)?.headers.authorization).toBe("Bearer an-upstream-credential");
    tunnel.destroy();
  });

  test("is effective in an open tunnel within two seconds, both ways", async () => {
    const { ask, secretId, tunnel } = await begin();
    expect((await ask()).status).toBe(200);
    await setPolicy(coffer, secretId, { conditions: [ipIs(DENY, "127.0.0.1")] });
    await within2s();
    expect((await ask()).reason).toBe("access_policy_denied");
    await setPolicy(coffer, secretId);
    await within2s();
    expect((await ask()).status).toBe(200);
    tunnel.destroy();
  });

  test("that SQL changes, or takes away, makes the placeholder worth nothing", async () => {
    const { ask, secretId, tunnel } = await begin({ conditions: [ipIs(DENY, "127.0.0.1")] });
    await coffer.sql("update secret set access_policy = null where secret_id = $1", [secretId]);
    await within2s();
    expect(await ask()).toMatchObject({ status: 503, reason: "credential_revoked" });
    expect(egress.seen).toEqual([]);
    tunnel.destroy();
  });
});

describe("a statement that denies getSecretValue to a principal", () => {
  test("stops what it bound within two seconds, in an open tunnel too; what others bound goes on", async () => {
    const [denied, other] = [await newMember(coffer, [], Role.OPERATOR), await newMember(coffer, [], Role.OPERATOR)];
    const { secretId, tunnel: first } = await begin();
    first.destroy();
    const asks: (() => ReturnType<typeof requestIn>)[] = [];
    for (const { token } of [denied, other]) {
      const { egress: calls } = coffer.clients(token);
      const made = await calls.createSandbox({ name: "denied" });
      const { binding } = await calls.bindSecret({
        sandboxId: made.sandbox?.id ?? "",
        envKey: "KEY",
        ...byId(secretId),
      });
      const sandbox = { id: made.sandbox?.id ?? "", token: made.token, workspaceId: "" };
      const tunnel = await openTunnel(egress, sandbox, host);
      const headers = { authorization: `Bearer ${binding?.placeholder}` };
      asks.push(() => requestIn(tunnel, { host: `${host}:${egress.upstreamPort}`, headers }));
    }
    const statuses = async () => {
      const answers = [];
      for (const ask of asks) answers.push((await ask()).status);
      return answers;
    };
    expect(await statuses()).toEqual([200, 200]);
    const statement = { effect: "Deny", actions: ["getSecretValue"], principals: [denied.principalId] };
    await setStatements(coffer, secretId, [statement]);
    await within2s();
    expect(await statuses()).toEqual([403, 200]);
    await setStatements(coffer, secretId, [{ ...statement, actions: ["delete"] }]);
    await within2s();
    expect(await statuses()).toEqual([200, 200]);
    await setStatements(coffer, secretId, [{ effect: "Deny" }]);
    await within2s();
    expect(await statuses()).toEqual([403, 403]);
  });

  test("stops what was bound before coffer noted who binds; the binder's id is under the binding's MAC", async () => {
    const denied = await newMember(coffer, [], Role.OPERATOR);
    const { ask, secretId, tunnel } = await begin();
    expect((await ask()).status).toBe(200);
    await setStatements(coffer, secretId, [{ effect: "Deny", actions: ["delete"], principals: [denied.principalId] }]);
    await within2s();
    expect((await ask()).status).toBe(200);
    await setStatements(coffer, secretId, [{ effect: "Deny", actions: ["*"], principals: [denied.principalId] }]);
    await within2s();
    expect((await ask()).reason).toBe("access_policy_denied");
    await coffer.sql("update sandbox_binding set bound_by = 'prn_other' where secret_id = $1", [secretId]);
    await within2s();
    expect((await ask()).reason).toBe("credential_revoked");
    tunnel.destroy();
  });
});

test("a current version that is destroyed goes nowhere after two seconds: the one before it does, and at last none", async () => {
  const { ask, sandbox, secretId, tunnel } = await begin();
  const { secrets } = coffer.clients();
  await secrets.addSecretVersion({ ...byId(secretId), value: data("the-second-credential") });
  await within2s();
  const sent = async () => {
    const { status } = await ask();
    return [status, egress.seen.at(-1)?.headers.authorization];
  };
  expect(await sent()).toEqual([200, "Bearer the-second-credential"]);
  const { path, region } = await getSecret(coffer, { id: secretId });
  const destroy = async (version: number) => {
    const url = `/v1/secrets/${region}/secret/versions?path=${path}&version=${version}`;
    const headers = { "x-organisation-identity": sandbox.workspaceId };
    expect((await coffer.fetch(url, { method: "DELETE", headers })).status).toBe(204);
    await within2s();
  };
  await destroy(2);
  expect(await sent()).toEqual([200, "Bearer an-upstream-credential"]);
  await destroy(1);
  egress.seen.length = 0;
  const [status, header] = await sent();
  expect([Number(status) >= 400, header]).toEqual([true, undefined]);
  tunnel.destroy();
});
