// Converts Superserve's requests about sandboxes to the inputs of operations.
import type { JsonObject } from "@bufbuild/protobuf";
import type { Value } from "@bufbuild/protobuf/wkt";
import type {
  BindSecretRequest,
  ListNetworkEventsRequest,
  NetworkConfig,
  UpdateSandboxRequest,
} from "../../../gen/coffer/rest/superserve/v1/sandbox_service_pb.ts";
import type { NetworkLimits } from "../../domain/egress/network-limits.ts";
import { type EventPosition, eventPositionOf, verdicts } from "../../domain/egress/network-log.ts";
import { envKeyRule, isEnvKey, sandboxNotFound } from "../../domain/egress/sandbox.ts";
import { CofferError, checkAll, invalidField } from "../../domain/error/errors.ts";
import { idOfUuid } from "../../domain/ids.ts";
import type { BindSecretInput } from "../../operations/egress/bind-secret.ts";
import type { ListNetworkEventsInput } from "../../operations/egress/list-network-events.ts";
import type { UpdateSandboxInput } from "../../operations/egress/update-sandbox.ts";

/** Fails with FIELD_INVALID, which names every broken field, or with SANDBOX_NOT_FOUND. */
export function toNewBinding({ id, envKey, secretName }: BindSecretRequest): BindSecretInput {
  checkAll(
    () => {
      if (!isEnvKey(envKey)) throw invalidField("env_key", envKeyRule);
    },
    () => {
      if (secretName === "") throw invalidField("secret_name", "is required");
    },
  );
  return { sandboxId: toSandboxId(id), envKey, secret: { name: secretName, region: "" } };
}

/** Returns no limits if the field is absent. */
export function toNetworkLimits(network: NetworkConfig | undefined): NetworkLimits {
  return { allowOut: network?.allowOut ?? [], denyOut: network?.denyOut ?? [] };
}

/** Fails with FIELD_INVALID, SANDBOX_NOT_FOUND or MACHINE_UNSUPPORTED. */
export function toSandboxChange(request: UpdateSandboxRequest): UpdateSandboxInput {
  const { id, metadata, network, timeoutSeconds, autoDeleteSeconds } = request;
  const sandboxId = toSandboxId(id);
  if (!metadata && !network && !timeoutSeconds && !autoDeleteSeconds) {
    throw invalidField("metadata", "is required unless network is given: the request changes nothing");
  }
  checkNoMachine({ timeout_seconds: timeoutSeconds, auto_delete_seconds: autoDeleteSeconds });
  return {
    sandboxId,
    metadata: metadata && toTexts(metadata, "metadata"),
    network: network && toNetworkLimits(network),
  };
}

function toTexts(json: JsonObject, field: string): Record<string, string> {
  const entries = Object.entries(json);
  checkAll(
    ...entries.map(([key, value]) => () => {
      if (typeof value !== "string") {
        throw invalidField(`${field}[${JSON.stringify(key.slice(0, 64))}]`, "must be a string");
      }
    }),
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Fails with MACHINE_UNSUPPORTED for a field that is about a machine. Null is accepted. */
export function checkNoMachine(fields: Readonly<Record<string, Value | undefined>>): void {
  for (const [field, value] of Object.entries(fields)) {
    if (value && value.kind.case !== "nullValue") throw machineUnsupported(field);
  }
}

export function machineUnsupported(what: string): CofferError {
  return new CofferError("MACHINE_UNSUPPORTED", `coffer does not support ${what}: it starts no machines`, { what });
}

const networkLimitDefault = 100;

/** Fails with FIELD_INVALID, which names every broken field, or with SANDBOX_NOT_FOUND. */
export function toNetworkQuery(request: ListNetworkEventsRequest): ListNetworkEventsInput {
  const { id, limit = networkLimitDefault, before, since, verdict } = request;
  const cursors = {
    before: () => (before === undefined ? undefined : eventPosition(before, "before")),
    since: () => (since === undefined ? undefined : eventPosition(since, "since")),
  };
  checkAll(cursors.before, cursors.since);
  return {
    sandboxId: toSandboxId(id),
    before: cursors.before(),
    since: cursors.since()?.time,
    verdict: verdicts.find((each) => each === verdict),
    limit,
  };
}

function eventPosition(text: string, field: string): EventPosition {
  const position = eventPositionOf(text);
  if (!position) throw invalidField(field, "must be a time in RFC 3339, such as 2026-11-28T03:45:00Z");
  return position;
}

/** Fails with SANDBOX_NOT_FOUND for a text that is not a UUID. */
export function toSandboxId(uuid: string): string {
  const id = idOfUuid("sbx", uuid);
  if (id === undefined) throw sandboxNotFound();
  return id;
}
