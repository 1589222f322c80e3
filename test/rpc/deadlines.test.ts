// Deadlines: a change whose deadline has passed before it began is not made.

import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import { useCoffer } from "../support/coffer.ts";
import { errorOf } from "../support/errors.ts";
import { data } from "../support/secrets.ts";
import { protocols, transportFor } from "../support/transports.ts";

const coffer = useCoffer();
const timeoutHeader = (protocol: string) =>
  protocol.startsWith("gRPC") ? { "grpc-timeout": "1n" } : { "connect-timeout-ms": "0" };

async function secretsNamed(name: string): Promise<number> {
  return (await coffer.sql("select 1 from secret where name = $1", [name])).length;
}

test.each(protocols)(
  "a creation over %s whose deadline has passed fails with DEADLINE_EXCEEDED and is not made",
  async (protocol) => {
    const name = `late over ${protocol}`;
    const { createSecret } = createClient(SecretService, transportFor(protocol, coffer.url, coffer.ownerToken));
    const call = createSecret({ name, value: data("v") }, { headers: timeoutHeader(protocol) });
    expect(await errorOf(call)).toMatchObject({ code: "DeadlineExceeded", reason: "DEADLINE_EXCEEDED" });
    await sleep(200);
    expect(await secretsNamed(name)).toBe(0);
  },
);

test("a deadline counts from the headers, however slowly the body comes", async () => {
  const body = JSON.stringify({ name: "slow body", generate: { byteLength: 32 } });
  const socket = connect(Number(new URL(coffer.url).port), "127.0.0.1");
  socket.write(
    `POST /coffer.v1.SecretService/CreateSecret HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${coffer.ownerToken}\r\nContent-Type: application/json\r\nConnect-Timeout-Ms: 300\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  await sleep(600);
  socket.write(body);
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  expect(answer.toString()).toMatch(/^HTTP\/1.1 504 /);
  await sleep(200);
  expect(await secretsNamed("slow body")).toBe(0);
});
