// Many requests at once on one connection: each has its turn, so that one client does not open connections to a host by the thousand.
import type { RequestListener } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import {
  basicAuth,
  bearerFor,
  bindSecret,
  connectProxy,
  eventsOf,
  makeSandbox,
  openTunnel,
  sendRaw,
  useEgress,
} from "../support/egress.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const seen = { now: 0, most: 0, urls: [] as string[] };
const egress = useEgress(coffer, {
  // A request under way is not judged again within a test.
  timeouts: { recheckMs: 60_000 },
  hosts: [host],
  answer: ((request, response) => {
    seen.most = Math.max(seen.most, ++seen.now);
    seen.urls.push(request.url ?? "");
    setTimeout(
      () => {
        seen.now--;
        response.end(`answer to ${request.url}`);
      },
      request.url === "/slow" ? 2_000 : 5,
    );
  }) satisfies RequestListener,
});

async function begin() {
  const sandbox = await makeSandbox(coffer);
  const { placeholder } = await bindSecret(coffer, sandbox, "an-upstream-credential", bearerFor(host));
  Object.assign(seen, { now: 0, most: 0, urls: [] });
  const head = (path: string, more = "") =>
    `GET ${path} HTTP/1.1\r\nHost: ${host}:${egress.upstreamPort}\r\nAuthorization: Bearer ${placeholder}\r\n${more}\r\n`;
  return { sandbox, head };
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `/${i}`);

test("one is sent on when the one before it is answered, in a tunnel and without", async () => {
  const { sandbox, head } = await begin();
  const proxied = `Proxy-Authorization: ${basicAuth(sandbox.token)}\r\n`;
  const url = `http://${host}:${egress.upstreamPort}`;
  const inTunnel = await sendRaw(
    await openTunnel(egress, sandbox, host),
    numbered(20)
      .map((path) => head(path))
      .join(""),
    1_500,
  );
  const inClear = await sendRaw(
    connectProxy(egress),
    numbered(20)
      .map((path) => head(url + path, proxied))
      .join(""),
    1_500,
  );
  for (const answers of [inTunnel, inClear]) {
    expect(answers.match(/answer to \/\d+/g)).toEqual(numbered(20).map((path) => `answer to ${path}`));
  }
  expect(seen.most).toBe(1);
  expect(await eventsOf(coffer, sandbox)).toHaveLength(40);
});

test("more than 64 that wait end the connection, and none of them reaches the host", async () => {
  const { sandbox, head } = await begin();
  const tunnel = await openTunnel(egress, sandbox, host);
  expect(
    await sendRaw(
      tunnel,
      head("/slow") +
        numbered(500)
          .map((path) => head(path))
          .join(""),
      1_000,
    ),
  ).toBe("");
  await sleep(500);
  expect(seen.urls.filter((url) => url !== "/slow")).toEqual([]);
});

test("one that waits for its turn is judged when it has it", async () => {
  const { sandbox, head } = await begin();
  const answered = sendRaw(await openTunnel(egress, sandbox, host), head("/slow") + head("/after"), 3_500);
  await sleep(300);
  await coffer.sql("update sandbox_binding set revoke_time = now() where sandbox_id = $1", [sandbox.id]);
  expect(await answered).toMatch(/answer to \/slow.*credential_revoked/s);
  expect(seen.urls).toEqual(["/slow"]);
});
