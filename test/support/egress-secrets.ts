// Fixtures for egress: secrets with egress rules, and events as the proxy writes them.
import { setTimeout as sleep } from "node:timers/promises";
import type { Secret } from "../../gen/coffer/v1/secret_pb.ts";
import type { EgressEvent } from "../../src/domain/egress/egress-event.ts";
import { newId } from "../../src/domain/ids.ts";
import { insertEgressEvents } from "../../src/store/egress-events.ts";
import type { TestCoffer } from "./coffer.ts";
import { createSecret, type SecretInit } from "./secrets.ts";

const bearerRule = { auth: { type: "bearer" }, hosts: ["api.example.com"] };

/** A secret that the proxy may send. */
export function createEgressSecret(coffer: TestCoffer, init: SecretInit = {}, token?: string): Promise<Secret> {
  return createSecret(coffer, { egress: bearerRule, ...init }, token);
}

/** One event as the proxy writes it, and its id. */
export async function writeEgressEvent(coffer: TestCoffer, event: Partial<EgressEvent>): Promise<string> {
  const { workspaceId } = await coffer.clients().tokens.whoAmI({});
  const eventId = newId("egr", coffer.deps.now(), coffer.deps.random);
  const defaults = {
    ...{ workspaceId, eventId, sandboxId: "sbx_gone", secretId: undefined, method: "GET", host: "api.example.com" },
    ...{ path: "/v1", status: 200, upstreamStatus: 200, latencyMs: 7, requestBytes: 1, responseBytes: 2 },
    errorCode: "",
    occurrences: 1,
  } as const;
  await insertEgressEvents(coffer.deps.database, [{ ...defaults, ...event }]);
  // Ids of one millisecond are in no order.
  await sleep(2);
  return eventId;
}
