// Sandboxes, presets and egress events, domain → coffer.v1.

import { create } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import {
  type SandboxSecret as BindingMessage,
  EgressEventSchema,
  type EgressProvider,
  EgressProviderSchema,
  EgressStatusClass,
  type EgressEvent as EventMessage,
  type Sandbox as SandboxMessage,
  type SandboxNetwork,
  SandboxSchema,
  SandboxSecretSchema,
} from "../../../gen/coffer/v1/egress_service_pb.ts";
import { toTimestamp } from "../../call/timestamp.ts";
import { type FieldChanges, maskedChange } from "../../call/update-mask.ts";
import type { StoredEgressEvent } from "../../domain/egress/egress-event.ts";
import { type NetworkLimits, readNetworkLimits } from "../../domain/egress/network-limits.ts";
import { type Provider, ruleOfProvider } from "../../domain/egress/providers.ts";
import { checkMetadata } from "../../domain/egress/sandbox-fields.ts";
import { checkAll, withinField } from "../../domain/error/errors.ts";
import type { UpdateSandboxInput } from "../../operations/egress/update-sandbox.ts";
import type { EnvVars } from "../../steps/egress/env-vars.ts";
import type { SandboxView, ShownBinding } from "../../steps/egress/sandbox-view.ts";
import { toEgressRuleMessage } from "./egress-messages.ts";

export function toProviderMessage(provider: Provider): EgressProvider {
  return create(EgressProviderSchema, {
    name: provider.name,
    displayName: provider.display,
    rule: toEgressRuleMessage(ruleOfProvider(provider)),
    placeholderPrefix: provider.placeholder.prefix,
  });
}

export function toSandboxMessage(sandbox: SandboxView, envVars: EnvVars = {}): SandboxMessage {
  const { network, metadata } = sandbox;
  return create(SandboxSchema, {
    id: sandbox.sandboxId,
    workspaceId: sandbox.workspaceId,
    name: sandbox.name,
    sourceAddress: sandbox.sourceAddress ?? "",
    createTime: toTimestamp(sandbox.createTime),
    secrets: sandbox.bindings.map(toBindingMessage),
    metadata,
    ...(network ? { network: { allowOut: [...network.allowOut], denyOut: [...network.denyOut] } } : {}),
    envVars,
  });
}

/** Returns no limits if the message is unset. */
export function toNetworkLimits(message: SandboxNetwork | undefined): NetworkLimits {
  return { allowOut: message?.allowOut ?? [], denyOut: message?.denyOut ?? [] };
}

type SandboxChange = Pick<UpdateSandboxInput, "metadata" | "network">;

const changes: FieldChanges<SandboxMessage, Partial<SandboxChange>> = {
  metadata: ({ metadata }) => ({ metadata }),
  network: ({ network }) => ({ network: toNetworkLimits(network) }),
};

/** Fails with FIELD_INVALID. */
export function toSandboxChange(sandbox: SandboxMessage, mask: FieldMask | undefined): SandboxChange {
  const change = {
    ...{ metadata: undefined, network: undefined },
    ...maskedChange(SandboxSchema, sandbox, mask, changes),
  };
  withinField("sandbox", () =>
    checkAll(
      () => change.metadata && checkMetadata(change.metadata),
      () => change.network && readNetworkLimits(change.network),
    ),
  );
  return change;
}

export function toBindingMessage({ isRevoked, ...binding }: ShownBinding): BindingMessage {
  return create(SandboxSecretSchema, { ...binding, revoked: isRevoked });
}

/** The first status is included, the second is not; undefined: any status. */
export const statusRanges: Record<EgressStatusClass, readonly [number, number] | undefined> = {
  [EgressStatusClass.UNSPECIFIED]: undefined,
  [EgressStatusClass.SUCCESS]: [200, 300],
  [EgressStatusClass.REDIRECT]: [300, 400],
  [EgressStatusClass.CLIENT_ERROR]: [400, 500],
  [EgressStatusClass.SERVER_ERROR]: [500, 600],
  [EgressStatusClass.ERROR]: [400, 1_000],
};

export function toEventMessage(event: StoredEgressEvent): EventMessage {
  const { upstreamStatus } = event;
  return create(EgressEventSchema, {
    id: event.eventId,
    eventTime: toTimestamp(event.eventTime),
    sandboxId: event.sandboxId,
    sandboxName: event.sandboxName ?? "",
    secretId: event.secretId ?? "",
    method: event.method,
    host: event.host,
    path: event.path,
    status: event.status,
    ...(upstreamStatus === undefined ? {} : { upstreamStatus }),
    latencyMs: event.latencyMs,
    requestBytes: BigInt(event.requestBytes),
    responseBytes: BigInt(event.responseBytes),
    errorCode: event.errorCode,
    occurrences: event.occurrences,
  });
}
