// CreateSandbox: makes a sandbox with its token and binds secrets to it, all or nothing.

import { canonicalAddress } from "../../domain/access/ip-range.ts";
import { type NetworkLimits, readNetworkLimits } from "../../domain/egress/network-limits.ts";
import { bindingsMax, envKeyRule, isEnvKey, sandboxNotFound } from "../../domain/egress/sandbox.ts";
import { checkEnvVars, checkMetadata } from "../../domain/egress/sandbox-fields.ts";
import { CofferError, checkAll, invalidField } from "../../domain/error/errors.ts";
import { newId } from "../../domain/ids.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { coveredOfSandbox, macOf } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { type BindDeps, findBindable, newBinding } from "../../steps/egress/bindable-secret.ts";
import {
  type EnvVars,
  type OpenEnvVarsDeps,
  openEnvVars,
  type SealEnvVarsDeps,
  sealEnvVars,
} from "../../steps/egress/env-vars.ts";
import { newSandboxToken } from "../../steps/egress/sandbox-token.ts";
import { type SandboxView, sandboxView } from "../../steps/egress/sandbox-view.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import type { Sql } from "../../store/database.ts";
import type { StoredBinding } from "../../store/rows/sandbox-binding.ts";
import { insertBinding } from "../../store/sandbox-bindings.ts";
import { findSandbox, insertSandbox } from "../../store/sandboxes.ts";

export interface CreateSandboxInput {
  name: string;
  /** Empty: the sandbox may use any address. */
  sourceAddress: string;
  /** The names of secrets, by environment variable. */
  secrets: Readonly<Record<string, string>>;
  /** The region of the names. Empty: the default region. */
  region: string;
  /** Tags. */
  metadata: Readonly<Record<string, string>>;
  /** Variables that coffer returns unchanged. */
  envVars: EnvVars;
  /** Empty lists: no limits. */
  network: NetworkLimits;
}

/** A sandbox with its variables and the text of its token, which is shown once. In a replay the text is empty. */
export interface OpenedSandbox {
  sandbox: SandboxView;
  envVars: EnvVars;
  token: string;
}

/**
 * Fails with SECRET_NOT_FOUND or NO_EGRESS_RULE, whose metadata have the `env_key`, with KEY_NOT_ACTIVE, VALUE_CORRUPT or
 * FIELD_INVALID.
 */
export async function createSandbox(
  deps: MutationDeps & BindDeps & SealEnvVarsDeps & Pick<Deps, "now">,
  caller: Caller,
  { name, sourceAddress, secrets, region, metadata, envVars, network }: CreateSandboxInput,
): Promise<MutationResult<OpenedSandbox>> {
  const grant = authorize(caller, "egress.create");
  const { workspaceId } = grant;
  const wanted = Object.entries(secrets);
  if (wanted.length > 0) authorize(caller, "egress.bind");
  checkAll(
    () => wanted.length <= bindingsMax || fail("secrets", `must have at most ${bindingsMax} entries`),
    ...wanted.map(
      ([envKey]) =>
        () =>
          isEnvKey(envKey) || fail(`secrets[${JSON.stringify(envKey.slice(0, 64))}]`, envKeyRule),
    ),
    () => readAddress(sourceAddress),
    () => checkMetadata(metadata),
    () => checkEnvVars(envVars, secrets),
    () => readNetworkLimits(network),
  );
  const sandboxId = newId("sbx", deps.now(), deps.random);
  return mutate(deps, caller, {
    grant,
    async prepare() {
      const bindings: StoredBinding[] = [];
      for (const [envKey, secretName] of wanted) {
        const secret = await findBindable(deps, caller, { name: secretName, region }).catch((error: unknown) => {
          throw withEnvKey(error, envKey);
        });
        bindings.push(newBinding(deps, caller, sandboxId, envKey, secret));
      }
      const { text, ...token } = newSandboxToken(deps);
      const limits = { sourceAddress: readAddress(sourceAddress), network: readNetworkLimits(network) };
      const row = { workspaceId, sandboxId, name, ...limits, ...token };
      const env = await sealEnvVars(deps, row, envVars);
      const mac = macOf(deps.deploymentKeys, coveredOfSandbox(row));
      const sandbox = { ...row, metadata, envKeys: Object.keys(envVars), env, mac };
      return { subject: { resourceType: "sandbox", resourceId: sandboxId }, sandbox, bindings, text };
    },
    async apply(tx, { sandbox, bindings, text }) {
      await insertSandbox(tx, sandbox);
      for (const binding of bindings) await insertBinding(tx, binding);
      return { sandbox: await sandboxView(tx, workspaceId, sandboxId, true), envVars, token: text };
    },
    replay: (sql, id) => replayedSandbox(deps, sql, workspaceId, id),
  });
}

/** Returns the sandbox as it is now, without its token. */
export async function replayedSandbox(
  deps: OpenEnvVarsDeps,
  sql: Sql,
  workspaceId: string,
  sandboxId: string,
): Promise<OpenedSandbox> {
  const stored = await findSandbox(sql, workspaceId, sandboxId);
  if (!stored) throw sandboxNotFound();
  const sandbox = await sandboxView(sql, workspaceId, sandboxId, true);
  return { sandbox, envVars: await openEnvVars(deps, stored), token: "" };
}

/** Adds the environment variable to the error of a secret that cannot be bound. */
function withEnvKey(error: unknown, envKey: string): unknown {
  if (!(error instanceof CofferError) || !["SECRET_NOT_FOUND", "NO_EGRESS_RULE"].includes(error.reason)) return error;
  return new CofferError(error.reason, error.message, { ...error.metadata, env_key: envKey }, { cause: error });
}

function readAddress(text: string): string | undefined {
  if (text === "") return undefined;
  return canonicalAddress(text) ?? fail("source_address", "must be an IPv4 or IPv6 address");
}

function fail(field: string, description: string): never {
  throw invalidField(field, description);
}
