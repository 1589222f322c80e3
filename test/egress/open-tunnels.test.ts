// Tunnels of one sandbox: as many as a program needs, and no more, whatever the others do.
import { expect, onTestFinished, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindSecret, connectTunnel, eventsOf, makeSandbox, useEgress } from "../support/egress.ts";
import { until } from "../support/poll.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, { hosts: [host] });

test("the 513th at once is refused and noted; another sandbox has its own, and a place is free when one closes", async () => {
  const [one, two] = [await makeSandbox(coffer), await makeSandbox(coffer)];
  for (const sandbox of [one, two]) await bindSecret(coffer, sandbox, "a-value", bearerFor(host));
  const ask = async ({ token }: typeof one) => {
    const { head, socket } = await connectTunnel(egress, token, `${host}:${egress.upstreamPort}`);
    onTestFinished(() => void socket.destroy());
    return { status: Number(head.split(" ")[1]), head, socket };
  };
  const opened = await Promise.all(Array.from({ length: 512 }, () => ask(one)));
  expect(opened.filter(({ status }) => status !== 200)).toEqual([]);
  const { status, head } = await ask(one);
  expect([status, head]).toEqual([429, expect.stringContaining("rate_limited")]);
  expect(await eventsOf(coffer, one)).toMatchObject([{ method: "CONNECT", status: 429, error_code: "rate_limited" }]);
  expect((await ask(two)).status).toBe(200);
  opened[0]?.socket.destroy();
  await until("a place is free", async () => (await ask(one)).status === 200);
});
