// CreateSandbox: a sandbox with its token and the secrets bound to it, or nothing.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { bindingsMax, envKeyRule, isEnvKey } from "../../domain/egress/sandbox.ts";
import { CofferError, checkAll, invalidField } from "../../domain/errors.ts";
import { newId } from "../../domain/ids.ts";
import { canonicalAddress } from "../../domain/ip-range.ts";
import { insertBinding, insertSandbox, type StoredBinding } from "../../store/sandboxes.ts";
import { authorize } from "../authorize.ts";
import { type MutationDeps, mutate, type Outcome } from "../mutation.ts";
import { coveredOfSandbox, macOf } from "../row-macs.ts";
import { type BindDeps, findBindable, newBinding } from "./bindable-secret.ts";
import { newSandboxToken } from "./sandbox-token.ts";
import { type SandboxView, sandboxView } from "./sandbox-view.ts";

export interface CreateSandboxInput {
  name: string;
  /** Any when empty. */
  sourceAddress: string;
  /** Names of secrets by environment variable. */
  secrets: Readonly<Record<string, string>>;
  /** Where to look the names up; the default one when empty. */
  region: string;
}

/** The text of its token is there once; empty in a replay. */
export interface CreatedSandbox {
  sandbox: SandboxView;
  token: string;
}

/** Fails with SECRET_NOT_FOUND or NO_EGRESS_RULE, whose metadata have the `env_key`, with VALUE_CORRUPT or FIELD_INVALID. */
export async function createSandbox(
  deps: MutationDeps & BindDeps & Pick<Deps, "now">,
  caller: Caller,
  { name, sourceAddress, secrets, region }: CreateSandboxInput,
): Promise<Outcome<CreatedSandbox>> {
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
      const row = { workspaceId, sandboxId, name, sourceAddress: readAddress(sourceAddress), ...token };
      const sandbox = { ...row, mac: macOf(deps.deploymentKeys, coveredOfSandbox(row)) };
      return { subject: { resourceType: "sandbox", resourceId: sandboxId }, sandbox, bindings, text };
    },
    async apply(tx, { sandbox, bindings, text }) {
      await insertSandbox(tx, sandbox);
      for (const binding of bindings) await insertBinding(tx, binding);
      return { sandbox: await sandboxView(tx, workspaceId, sandboxId, true), token: text };
    },
    replay: async (sql, id) => ({ sandbox: await sandboxView(sql, workspaceId, id, true), token: "" }),
  });
}

/** Says which of the secrets cannot be bound. */
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
