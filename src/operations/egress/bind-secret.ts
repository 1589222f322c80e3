// BindSecret: binds a secret to an environment variable of a sandbox, with its own placeholder.

import { bindingNotFound, bindingsMax, envKeyRule, isEnvKey, sandboxNotFound } from "../../domain/egress/sandbox.ts";
import { CofferError, invalidField } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { authorize } from "../../steps/authorize.ts";
import { type BindDeps, findBindable, newBinding } from "../../steps/egress/bindable-secret.ts";
import { type ShownBinding, sandboxView } from "../../steps/egress/sandbox-view.ts";
import { type MutationDeps, type MutationResult, mutate } from "../../steps/mutation.ts";
import type { SecretRefInput } from "../../steps/secrets/secret-ref.ts";
import type { Sql } from "../../store/database.ts";
import { insertBinding, listBoundKeys } from "../../store/sandbox-bindings.ts";
import { findSandbox, lockSandbox } from "../../store/sandboxes.ts";

export interface BindSecretInput {
  sandboxId: string;
  envKey: string;
  secret: SecretRefInput;
}

/** Fails with SANDBOX_NOT_FOUND, SECRET_NOT_FOUND, NO_EGRESS_RULE, ENV_KEY_TAKEN, BINDING_LIMIT, VALUE_CORRUPT or FIELD_INVALID. */
export async function bindSecret(
  deps: MutationDeps & BindDeps,
  caller: Caller,
  { sandboxId, envKey, secret: asked }: BindSecretInput,
): Promise<MutationResult<ShownBinding>> {
  const grant = authorize(caller, "egress.bind");
  const { workspaceId } = grant;
  if (!isEnvKey(envKey)) throw invalidField("env_key", envKeyRule);
  const find = async (sql: Sql): Promise<ShownBinding> => {
    const { bindings } = await sandboxView(sql, workspaceId, sandboxId, true);
    const found = bindings.find((binding) => binding.envKey === envKey);
    if (!found) throw bindingNotFound();
    return found;
  };
  return mutate(deps, caller, {
    grant,
    async prepare() {
      if (!(await findSandbox(deps.database, workspaceId, sandboxId))) throw sandboxNotFound();
      const bindable = await findBindable(deps, caller, asked);
      return {
        subject: { resourceType: "sandbox", resourceId: sandboxId },
        binding: newBinding(deps, caller, sandboxId, envKey, bindable),
      };
    },
    async apply(tx, { binding }) {
      // Locks the sandbox, so that the count of its bindings is exact.
      const sandbox = await lockSandbox(tx, workspaceId, sandboxId);
      if (!sandbox) throw sandboxNotFound();
      if (sandbox.envKeys.includes(envKey)) throw variableTaken(envKey);
      const keys = await listBoundKeys(tx, workspaceId, sandboxId);
      if (keys.includes(envKey)) throw keyTaken(envKey);
      if (keys.length >= bindingsMax) throw tooMany();
      await insertBinding(tx, binding);
      return find(tx);
    },
    replay: find,
  });
}

function keyTaken(envKey: string): CofferError {
  return new CofferError("ENV_KEY_TAKEN", `a secret is already bound to ${envKey}`, { env_key: envKey });
}

function variableTaken(envKey: string): CofferError {
  return new CofferError("ENV_KEY_TAKEN", `the env_vars of the sandbox already have ${envKey}`, { env_key: envKey });
}

function tooMany(): CofferError {
  return new CofferError("BINDING_LIMIT", `a sandbox has at most ${bindingsMax} secrets`, {
    limit: String(bindingsMax),
  });
}
