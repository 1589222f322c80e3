// Secrets, presets, events and sandboxes as Superserve shows them.

import { create, type JsonObject } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  BoundSecretSchema,
  type NetworkEvent,
  NetworkEventSchema,
  SandboxListItemSchema,
  SandboxSchema,
} from "../../../gen/coffer/rest/superserve/v1/sandbox_service_pb.ts";
import {
  AuditEventSchema,
  type AuditEvent as EventMessage,
  type Provider as ProviderMessage,
  ProviderSchema,
  type Secret as SecretMessage,
  SecretSchema,
} from "../../../gen/coffer/rest/superserve/v1/secret_service_pb.ts";
import { toTimestamp } from "../../call/timestamp.ts";
import type { StoredEgressEvent } from "../../domain/egress/egress-event.ts";
import type { EgressRule } from "../../domain/egress/egress-rule.ts";
import { verdictOf } from "../../domain/egress/network-log.ts";
import { type Provider, ruleOfProvider } from "../../domain/egress/providers.ts";
import { uuidOf } from "../../domain/ids.ts";
import { type Secret, secretNotFound } from "../../domain/secret/secret.ts";
import type { EnvVars } from "../../steps/egress/env-vars.ts";
import type { SandboxView } from "../../steps/egress/sandbox-view.ts";

/** Fails with SECRET_NOT_FOUND for a secret without an egress rule, because this API does not show those. */
export function toSecretMessage(secret: Secret): SecretMessage {
  const { egress, lastUsedTime } = secret;
  if (!egress) throw secretNotFound();
  const { provider } = egress;
  return create(SecretSchema, {
    id: uuidOf(secret.secretId),
    name: secret.name,
    ...authFields(egress),
    createdAt: wholeSeconds(secret.createTime),
    updatedAt: wholeSeconds(secret.updateTime),
    ...(provider === undefined ? {} : { providerShortcut: provider }),
    ...(lastUsedTime ? { lastUsedAt: wholeSeconds(lastUsedTime) } : {}),
  });
}

export function toProviderMessage(provider: Provider): ProviderMessage {
  const { name, display, placeholder } = provider;
  const tokenShape = `${placeholder.prefix}...`;
  return create(ProviderSchema, { name, display, ...authFields(ruleOfProvider(provider)), tokenShape });
}

function authFields({ isPerHost, schemes, hosts }: EgressRule) {
  const [only] = schemes;
  const config: JsonObject =
    isPerHost || !only
      ? { per_host: schemes.map((each) => ({ hosts: [...each.hosts], ...each.scheme }) as JsonObject) }
      : ({ ...only.scheme } as JsonObject);
  const { type, ...authConfig } = config;
  return { authType: typeof type === "string" ? type : "per_host", authConfig, hosts: [...hosts] };
}

export function toEventMessage(event: StoredEgressEvent): EventMessage {
  const { sandboxName, secretId = "", upstreamStatus, errorCode } = event;
  return create(AuditEventSchema, {
    id: event.eventNumber,
    ts: toTimestamp(event.eventTime),
    sandboxId: uuidOf(event.sandboxId),
    ...(sandboxName === undefined ? {} : { sandboxName }),
    secretId: uuidOf(secretId),
    method: event.method,
    host: event.host,
    path: event.path,
    status: event.status,
    ...(upstreamStatus === undefined ? {} : { upstreamStatus }),
    latencyMs: event.latencyMs,
    ...(errorCode === "" ? {} : { errorCode }),
  });
}

export function toSandboxMessage(sandbox: SandboxView, envVars: EnvVars) {
  return create(SandboxSchema, { ...sandboxFields(sandbox), secrets: boundSecrets(sandbox), envVars });
}

export function toListItem(sandbox: SandboxView) {
  return create(SandboxListItemSchema, { ...sandboxFields(sandbox), secrets: boundSecrets(sandbox) });
}

function boundSecrets({ bindings }: SandboxView) {
  return bindings.map(({ envKey, secretName, isRevoked }) =>
    create(BoundSecretSchema, { envKey, secretName, revoked: isRevoked }),
  );
}

/** The fields of a sandbox that are in every answer. */
export function sandboxFields({ sandboxId, name, createTime, metadata, network }: SandboxView) {
  return {
    id: uuidOf(sandboxId),
    name,
    status: "active",
    createdAt: wholeSeconds(createTime),
    metadata,
    ...(network ? { network: { allowOut: [...network.allowOut], denyOut: [...network.denyOut] } } : {}),
  };
}

/** A tunnel is a connection; every other event is a request. */
export function toNetworkEvent(event: StoredEgressEvent): NetworkEvent {
  const { method, path, secretId, upstreamStatus, errorCode } = event;
  const isTunnel = method === "CONNECT";
  return create(NetworkEventSchema, {
    kind: isTunnel ? "connection" : "request",
    id: event.eventNumber,
    ts: toTimestamp(event.eventTime),
    host: event.host,
    ...(isTunnel
      ? { verdict: verdictOf(errorCode), bytesSent: event.requestBytes, bytesRecv: event.responseBytes }
      : { method, path }),
    status: event.status,
    ...(upstreamStatus === undefined ? {} : { upstreamStatus }),
    latencyMs: event.latencyMs,
    ...(secretId === undefined ? {} : { secretId: uuidOf(secretId) }),
    ...(errorCode === "" ? {} : { errorCode }),
  });
}

function wholeSeconds(time: Date): Timestamp {
  return timestampFromMs(Math.floor(time.getTime() / 1_000) * 1_000);
}
