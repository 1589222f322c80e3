// Heads of answers that are large, as those with many cookies and policies are: they go on whole.
import { expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindSecret, makeSandbox, openTunnel, useEgress } from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";

const host = "api.upstream.test";
const value = "an-upstream-credential";
const coffer = useCoffer();
const egress = useEgress(coffer, {
  hosts: [host],
  answer: (request, response) => {
    for (let i = 0; i < 120; i++) response.setHeader(`x-large-${i}`, "y".repeat(240));
    response.setHeader("x-echo", request.headers.authorization ?? "");
    response.end("whole");
  },
});

test("a head of 30 KB, with the value in it, arrives with the placeholder instead", async () => {
  const sandbox = await makeSandbox(coffer);
  const { placeholder } = await bindSecret(coffer, sandbox, value, bearerFor(host));
  const tunnel = await openTunnel(egress, sandbox, host);
  const headers = { authorization: `Bearer ${placeholder}` };
  const answer = await requestIn(tunnel, { host: `${host}:${egress.upstreamPort}`, headers });
  expect(answer).toMatchObject({ status: 200, body: "whole" });
  expect(answer.headers["x-echo"]).toBe(`Bearer ${placeholder}`);
  expect(Object.keys(answer.headers).filter((name) => name.startsWith("x-large-"))).toHaveLength(120);
  tunnel.destroy();
});
