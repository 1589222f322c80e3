// What Superserve's requests give, turned into what operations take.
import type { JsonObject } from "@bufbuild/protobuf";
import type { Value } from "@bufbuild/protobuf/wkt";
import type {
  BindSecretRequest,
  ListNetworkEventsRequest,
  NetworkConfig,
  UpdateSandboxRequest,
} from "../../../gen/coffer/rest/superserve/v1/sandbox_service_pb.ts";
import type { Auth, CreateSecretRequest, HostAuth } from "../../../gen/coffer/rest/superserve/v1/secret_service_pb.ts";
import { type EgressRule, noLimits } from "../../domain/egress/egress-rule.ts";
import type { NetworkLimits } from "../../domain/egress/network-limits.ts";
import { type EventPlace, placeOf, verdicts } from "../../domain/egress/network-log.ts";
import { readEgressRule, type SchemeInput } from "../../domain/egress/read-rule.ts";
import { envKeyRule, isEnvKey, sandboxNotFound } from "../../domain/egress/sandbox.ts";
import { CofferError, checkAll, invalidField } from "../../domain/errors.ts";
import { idOfUuid } from "../../domain/ids.ts";
import type { BindSecretInput } from "../../operations/egress/bind-secret.ts";
import type { ListNetworkEventsInput } from "../../operations/egress/list-network-events.ts";
import type { UpdateSandboxInput } from "../../operations/egress/update-sandbox.ts";
import type { ValueInput } from "../../operations/secrets/value-input.ts";

/** As JSON Schema counts them: code points. */
const valueCharactersMax = 8_192;

/** Fails with FIELD_INVALID, which names every broken field. */
export function toNewSecret(request: CreateSecretRequest): { name: string; value: ValueInput; rule: EgressRule } {
  const name = request.name.trim();
  const value = () => toValueInput(request.value);
  const rule = () => readEgressRule(toRuleInput(request));
  checkAll(() => checkName(name), value, rule);
  return { name, value: value(), rule: rule() };
}

function checkName(name: string): void {
  if (name.length > 128) throw invalidField("name", "must have at most 128 characters");
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) {
    throw invalidField("name", "must begin with a letter or _ and hold only letters, digits, _ and -");
  }
}

/** As Superserve reads it: an empty text is one that was not given. */
function toRuleInput({ provider, auth, hosts }: CreateSecretRequest) {
  return { provider: provider || undefined, auth: auth && toAuthInput(auth), hosts, limits: noLimits };
}

function toAuthInput(auth: Auth) {
  const perHost = auth.perHost.map((each) => ({ ...toSchemeInput(each), hosts: each.hosts }));
  return { ...toSchemeInput(auth), ...(perHost.length > 0 ? { perHost } : {}) };
}

function toSchemeInput({ type, header, prefix, username, headers }: Auth | HostAuth): SchemeInput {
  return {
    type: type || undefined,
    header: header || undefined,
    prefix: prefix || undefined,
    username: username || undefined,
    headers: Object.keys(headers).length > 0 ? headers : undefined,
  };
}

/** Fails with FIELD_INVALID for `value`. */
export function toValueInput(value: string): ValueInput {
  if (value === "") throw invalidField("value", "is required");
  // Two units at most make one character.
  if (value.length > 2 * valueCharactersMax || [...value].length > valueCharactersMax) {
    throw invalidField("value", `must have at most ${valueCharactersMax} characters`);
  }
  return { case: "data", field: "value", data: new TextEncoder().encode(value), isAnyText: true };
}

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

/** No limits when it is left out. */
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

/** Fails with MACHINE_UNSUPPORTED for a field that only a machine could obey; null asks for nothing. */
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
  const places = {
    before: () => (before === undefined ? undefined : placeIn(before, "before")),
    since: () => (since === undefined ? undefined : placeIn(since, "since")),
  };
  checkAll(places.before, places.since);
  return {
    sandboxId: toSandboxId(id),
    before: places.before(),
    since: places.since()?.time,
    verdict: verdicts.find((each) => each === verdict),
    limit,
  };
}

function placeIn(text: string, field: string): EventPlace {
  const place = placeOf(text);
  if (!place) throw invalidField(field, "must be a time in RFC 3339, such as 2026-11-28T03:45:00Z");
  return place;
}

/** Fails with SANDBOX_NOT_FOUND for what is no UUID. */
export function toSandboxId(uuid: string): string {
  const id = idOfUuid("sbx", uuid);
  if (id === undefined) throw sandboxNotFound();
  return id;
}

/** From the first up to and without the second. */
export const statusRanges: Readonly<Record<string, readonly [number, number]>> = {
  "2xx": [200, 300],
  "3xx": [300, 400],
  "4xx": [400, 500],
  "5xx": [500, 600],
  errors: [400, 1_000],
};

/** Events are numbered below this; a client may ask for those before the greatest int64. */
export function toEventNumber(before: string): number {
  return Math.min(Number(before), Number.MAX_SAFE_INTEGER);
}
