// CreateSecret: a secret with its first version, or nothing.

import { type AccessPolicy, type AccessStatement, policyText } from "../../domain/access/access-policy.ts";
import { checkCredentialFields } from "../../domain/credential/check-value.ts";
import { authMethodOf, checkKind, defaultKind, isCredentialKind, revealableOf } from "../../domain/credential/kinds.ts";
import type { EgressRule } from "../../domain/egress/egress-rule.ts";
import { checkEach, type FieldViolation, failOn } from "../../domain/error/errors.ts";
import { newId } from "../../domain/ids.ts";
import { checkAnnotations, type Expiration, type Secret } from "../../domain/secret/secret.ts";
import { checkSecretName, pathOf } from "../../domain/secret-name.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { seal } from "../../envelope/envelope.ts";
import type { Deps } from "../../runtime/deps.ts";
import { addStatementRules, bindPolicy, checkMaySet } from "../../steps/access/statement-rules.ts";
import { authorizeAt, authorizeSomewhere } from "../../steps/authorize.ts";
import { checkReference, lockReferencedConnection } from "../../steps/external-vaults/check-reference.ts";
import {
  findSealingKey,
  rememberedSealingKey,
  type SealingKey,
  type SealingKeyDeps,
  type SealingKeyRef,
} from "../../steps/keys/sealing-key.ts";
import {
  type Mutation,
  type MutationDeps,
  type MutationResult,
  mutate,
  type PreparedMutation,
} from "../../steps/mutation.ts";
import { checkFitsRule } from "../../steps/secrets/egress-value.ts";
import { checkExpiration, expireTimeOf } from "../../steps/secrets/expiration.ts";
import { secretById } from "../../steps/secrets/find.ts";
import { freeExpiredPathAndRetry } from "../../steps/secrets/free-path.ts";
import { regionOf } from "../../steps/secrets/region.ts";
import { signNewSecret, type UnsignedNewSecret } from "../../steps/secrets/sign-new-secret.ts";
import {
  checkValue,
  discard,
  payloadOf,
  type ValueInput,
  vaultConnectionIdOf,
} from "../../steps/secrets/value-input.ts";
import { newEnabledVersion } from "../../steps/versions/new-version.ts";
import { checkQuota } from "../../steps/workspaces/check-quota.ts";
import { databaseNow } from "../../store/clock.ts";
import type { Tx } from "../../store/database.ts";
import type { StoredKmsKey } from "../../store/rows/kms-key.ts";
import { insertSecret } from "../../store/secrets.ts";
import { insertVersion, type NewVersion } from "../../store/versions.ts";

/** A surface names only what its requests can give. `withDefaults` has the rest. */
export interface CreateSecretInput {
  name: string;
  /** Undefined only for a value that `broken` names. */
  value: ValueInput | undefined;
  /** Empty: the default region. */
  region?: string;
  /** Empty: the default kind. */
  kind?: string;
  /** Empty: the only one of its kind. */
  authMethod?: string;
  credentialFields?: Record<string, string>;
  description?: string | undefined;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  mimeType?: string;
  /** Empty, and without a name: the region's default key. */
  kmsKeyId?: string;
  /** The name of a key of the region, instead of its id. */
  kmsKeyName?: string;
  /** Undefined: never. */
  expiration?: Expiration | undefined;
  /** Undefined: as its kind says. */
  revealable?: boolean | undefined;
  /** Undefined: its value may be sent nowhere. */
  egress?: EgressRule | undefined;
  /** Checked when its values are read and written, not now. */
  accessPolicy?: AccessPolicy | undefined;
  /** The statements of its access policy. */
  statements?: readonly AccessStatement[];
  /** Violations that were found while the request was read. */
  broken?: readonly FieldViolation[];
  /** The request's field for the name, if it is not `name`. */
  nameField?: string;
  /** The request's field for the kind, if it is not `kind`. */
  kindField?: string;
  /** Returns the request's field for a credential field; by default its name. */
  credentialFieldOf?: (name: string) => string;
}

function withDefaults(input: CreateSecretInput) {
  const { region = "", kind = "", authMethod = "", credentialFields = {}, kmsKeyId = "" } = input;
  const { description = "", labels = {}, annotations = {}, mimeType = "" } = input;
  const { statements = [], broken = [], credentialFieldOf = (name: string) => name } = input;
  return {
    ...input,
    ...{ region, kind: kind || defaultKind, authMethod, credentialFields, kmsKeyId },
    ...{ description, labels, annotations, mimeType, statements, broken, credentialFieldOf },
  };
}

type NewSecretRequest = ReturnType<typeof withDefaults>;

interface PreparedSecret extends PreparedMutation {
  /** The row of the key that sealed the version. */
  key: StoredKmsKey;
  secret: UnsignedNewSecret;
  version: NewVersion;
}

type CreateSecretDeps = MutationDeps &
  SealingKeyDeps &
  Pick<Deps, "regions" | "validations" | "accessRules" | "secretWriter">;

/**
 * Fails with NAME_TAKEN, VAULT_CONNECTION_NOT_FOUND, KEY_NOT_FOUND, KEY_NOT_ACTIVE, QUOTA_EXCEEDED or FIELD_INVALID; for statements
 * also as `checkMaySet` does.
 */
export async function createSecret(
  deps: CreateSecretDeps,
  caller: Caller,
  input: CreateSecretInput,
): Promise<MutationResult<Secret>> {
  const { workspaceId } = authorizeSomewhere(caller, "secrets.create");
  const request = withDefaults(input);
  const { region, revealable, authMethod } = checkRequest(deps, request);
  const { kind, value, statements, expiration, egress } = request;
  if (!value) throw new Error("a value that cannot be read must be named in `broken`");
  const location = { workspaceId, region, path: pathOf(request.name) };
  const grant = authorizeAt(caller, "secrets.create", location);
  // The egress rule decides where the value from the vault is sent.
  if (egress && value.case === "reference") authorizeAt(caller, "versions.access", location);
  checkMaySet(caller, statements);
  const secretId = newId("sec", deps.now(), deps.random);
  const payload = payloadOf(value, deps.random);
  const vaultConnectionId = vaultConnectionIdOf(value);

  const keyRef = keyRefOf(region, request);
  const findKey = () => findSealingKey(deps, workspaceId, keyRef);
  const prepareWith = async (takeKey: () => SealingKey | Promise<SealingKey>): Promise<PreparedSecret> => {
    await checkReference(deps.database, workspaceId, value);
    const policy = await bindPolicy(deps, deps.database, workspaceId, request.accessPolicy, statements);
    const { key, keyVersion } = await takeKey();
    const context = { deploymentId: deps.deploymentId, workspaceId, secretId, versionNumber: 1 };
    const envelope = seal({ keyVersion, context, payload, random: deps.random });
    const { kmsKeyId, version: kmsKeyVersion } = keyVersion;
    const { description, labels, annotations, mimeType, credentialFields } = request;
    return {
      subject: { resourceType: "secret", resourceId: secretId, versionNumber: 1 },
      key,
      secret: {
        ...location,
        ...{ secretId, kmsKeyId, kind, authMethod, credentialFields, revealable, egress },
        ...{ name: request.name, description, labels, annotations, mimeType, createdBy: caller.principalId },
        ...{ storedState: "ACTIVE", versionAliases: {}, versionCount: 1, enabledVersionCount: 1, currentVersion: 1 },
        accessPolicyText: policy && policyText(policy),
        ...{ expireTime: undefined, createTime: undefined },
      },
      version: newEnabledVersion(deps, {
        ...{ workspaceId, secretId, versionId: newId("secv", deps.now(), deps.random), versionNumber: 1, comment: "" },
        ...{ payloadForm: payload.form, vaultConnectionId, envelope, kmsKeyId, kmsKeyVersion },
      }),
    };
  };

  const prepare = () => prepareWith(findKey);

  const apply = async (tx: Tx, { secret, version }: PreparedSecret): Promise<Secret> => {
    await checkQuota(tx, workspaceId, "secrets");
    await lockReferencedConnection(tx, workspaceId, value);
    const created = await insertSecret(tx, signNewSecret(deps, await withExpireTime(tx, secret, expiration)));
    await insertVersion(tx, version);
    await addStatementRules(deps, tx, created);
    return created;
  };

  const applyAtOnce: Mutation<PreparedSecret, Secret>["applyAtOnce"] = async (recordsOf) => {
    const prepared = await prepareWith(() => rememberedSealingKey(deps, workspaceId, keyRef) ?? findKey());
    const { subject, secret, version, key } = prepared;
    return deps.secretWriter.create({ secret: signNewSecret(deps, secret), version, key, ...recordsOf(subject) });
  };
  // These need more than one statement: a time from the database's clock, a locked connection, counted rules.
  const needsTransaction = expiration !== undefined || vaultConnectionId !== undefined || statements.length > 0;
  const mutation = {
    ...{ grant, prepare, apply, replay: secretById(deps, caller, grant) },
    ...(needsTransaction ? {} : { applyAtOnce }),
  };
  try {
    const outcome = await freeExpiredPathAndRetry(
      deps,
      caller,
      async () => location,
      () => mutate(deps, caller, mutation),
    );
    if (statements.length > 0 && !outcome.replayed) deps.accessRules.drop(workspaceId);
    if (isCredentialKind(kind) && !outcome.replayed) deps.validations.enqueue(outcome.resource);
    return outcome;
  } finally {
    discard(payload);
  }
}

/** Fails with all the broken rules, and returns what the rules made of the request. */
function checkRequest(deps: Pick<Deps, "regions">, request: NewSecretRequest) {
  const { name, kind, value, egress } = request;
  return checkEach({
    broken: () => failOn(request.broken),
    name: () => checkSecretName(name, request.nameField),
    kind: () => checkKind(kind, request.kindField),
    revealable: () => revealableOf(kind, request.revealable),
    credentialFields: () => checkCredentialFields(kind, request.credentialFields, request.credentialFieldOf),
    annotations: () => checkAnnotations(request.annotations, "annotations"),
    expiration: () => checkExpiration(request.expiration),
    region: () => regionOf(deps, request.region),
    egress: () => value && checkFitsRule(egress, value),
    authMethod() {
      const authMethod = authMethodOf(kind, request.authMethod, "auth_method");
      if (value) checkValue(value, { kind, authMethod });
      return authMethod;
    },
  });
}

/** Computes the expire time after the waits for locks. */
async function withExpireTime(
  tx: Tx,
  secret: UnsignedNewSecret,
  expiration: Expiration | undefined,
): Promise<UnsignedNewSecret> {
  if (!expiration) return secret;
  const createTime = await databaseNow(tx);
  return { ...secret, createTime, expireTime: expireTimeOf(expiration, createTime) };
}

function keyRefOf(region: string, { kmsKeyId, kmsKeyName }: NewSecretRequest): SealingKeyRef {
  if (kmsKeyName !== undefined) return { region, kmsKeyName };
  return kmsKeyId === "" ? { region } : { region, kmsKeyId };
}
