// A placeholder whose secret is deleted, expired or has no version that is enabled: 503 `credential_revoked`, in new tunnels as in old ones.
import { describe, expect, onTestFinished, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { connectTunnel, eventsOf, openTunnel, type TestSandbox, useEgress } from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { createEgressSecret } from "../support/egress-secrets.ts";
import { until } from "../support/poll.ts";
import { byId, data, present } from "../support/secrets.ts";
import { setSecrets, setUnmatched } from "../support/signed-rows.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const options = { hosts: [host] };
const proxies = [useEgress(coffer, options), useEgress(coffer, options)];

async function begin() {
  const rule = { auth: { type: "bearer" }, hosts: [host] };
  const secret = await createEgressSecret(coffer, { value: data("the-value"), egress: rule });
  const init = { name: "agent", secrets: { KEY: secret.name } };
  const { sandbox, token } = await coffer.clients().egress.createSandbox(init);
  const { id, workspaceId, secrets } = present(sandbox);
  return { sandbox: { id, workspaceId, token }, secretId: secret.id, placeholder: secrets[0]?.placeholder ?? "" };
}

/** Asks in a new tunnel through each proxy. */
async function askInNew(sandbox: TestSandbox, placeholder: string) {
  return Promise.all(
    proxies.map(async (proxy) => {
      const tunnel = await openTunnel(proxy, sandbox, host);
      const headers = { authorization: `Bearer ${placeholder}` };
      const { status, reason } = await requestIn(tunnel, { host: `${host}:${proxy.upstreamPort}`, headers });
      tunnel.destroy();
      return `${status} ${reason ?? ""}`.trim();
    }),
  );
}

const revoked = "503 credential_revoked";
/** The answers of both proxies once they are this one, which takes two seconds at most. */
async function answersSoon(ask: () => Promise<string[]>, answer: string): Promise<string[]> {
  await until(answer, async () => (await ask()).every((each) => each === answer), 2_500);
  return ask();
}

describe.each<["ALLOW" | "DENY"]>([["DENY"], ["ALLOW"]])("where hosts of no secret are %s", (unmatched) => {
  async function beginHere() {
    const begun = await begin();
    await setUnmatched(coffer, begun.sandbox.workspaceId, unmatched);
    onTestFinished(() => setUnmatched(coffer, begun.sandbox.workspaceId, "DENY"));
    const ask = () => askInNew(begun.sandbox, begun.placeholder);
    expect(await ask()).toEqual(["200", "200"]);
    return { ...begun, ask };
  }

  test("a deleted secret, until it is undeleted", async () => {
    const { sandbox, secretId, ask } = await beginHere();
    await coffer.clients().secrets.deleteSecret(byId(secretId));
    expect(await answersSoon(ask, revoked)).toEqual(Array(2).fill(revoked));
    const last = (await eventsOf(coffer, sandbox)).findLast(({ error_code }) => error_code === "credential_revoked");
    expect(last).toMatchObject({ secret_id: secretId, host, status: 503 });
    await coffer.clients().secrets.undeleteSecret({ id: secretId });
    expect(await answersSoon(ask, "200")).toEqual(Array(2).fill("200"));
  });

  test("an expired secret", async () => {
    const { secretId, ask } = await beginHere();
    await setSecrets(coffer, "expire_time = now()", [secretId]);
    expect(await answersSoon(ask, revoked)).toEqual(Array(2).fill(revoked));
  });

  test("a secret whose only version is disabled, until it is enabled", async () => {
    const { secretId, ask } = await beginHere();
    const only = { ...byId(secretId), version: "1" };
    await coffer.clients().secrets.disableSecretVersion(only);
    expect(await answersSoon(ask, revoked)).toEqual(Array(2).fill(revoked));
    await coffer.clients().secrets.enableSecretVersion(only);
    expect(await answersSoon(ask, "200")).toEqual(Array(2).fill("200"));
  });
});

test("a secret that was let go, until it is bound again with another placeholder", async () => {
  const { sandbox, secretId, placeholder } = await begin();
  const { egress } = coffer.clients();
  await egress.unbindSecret({ sandboxId: sandbox.id, envKey: "KEY" });
  expect(await answersSoon(() => askInNew(sandbox, placeholder), revoked)).toEqual([revoked, revoked]);
  const bound = await egress.bindSecret({ sandboxId: sandbox.id, envKey: "KEY", ...byId(secretId) });
  const fresh = present(bound.binding).placeholder;
  expect(await answersSoon(() => askInNew(sandbox, fresh), "200")).toEqual(["200", "200"]);
  expect(await askInNew(sandbox, placeholder)).toEqual([revoked, revoked]);
});

test("a request without the placeholder is treated as one to a host of no secret", async () => {
  const { sandbox, secretId } = await begin();
  await coffer.clients().secrets.deleteSecret(byId(secretId));
  const [proxy] = proxies;
  const authority = `${host}:${proxy?.upstreamPort}`;
  const ask = async () => {
    const tunnel = await openTunnel(proxy as never, sandbox, host);
    const answer = await requestIn(tunnel, { host: authority });
    tunnel.destroy();
    return answer;
  };
  await until("it is denied", async () => (await ask()).reason === "unmatched_host_denied", 2_500);
  expect(await ask()).toMatchObject({ status: 403, reason: "unmatched_host_denied" });
  await setUnmatched(coffer, sandbox.workspaceId, "ALLOW");
  onTestFinished(() => setUnmatched(coffer, sandbox.workspaceId, "DENY"));
  await until("it is allowed", async () => (await ask()).status === 200, 2_500);
});

test("a rule that SQL changed makes the proxy read no tunnel", async () => {
  const { sandbox, secretId } = await begin();
  await coffer.clients().secrets.deleteSecret(byId(secretId));
  const rule = JSON.stringify({ hosts: ["bank.upstream.test"], schemes: [], isPerHost: false, limits: {} });
  await coffer.sql("update secret set egress_rule = $1 where secret_id = $2", [rule, secretId]);
  const [proxy] = proxies;
  const { head, socket } = await connectTunnel(proxy as never, sandbox.token, "bank.upstream.test:443");
  socket.destroy();
  expect(head).toMatch(/^HTTP\/1\.1 403 .*Proxy-Reason: unmatched_host_denied\r\n/s);
});
