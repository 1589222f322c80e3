// AddSecretVersion: a new value, which becomes the current one.
import type { Deps } from "../../deps.ts";
import type { Caller } from "../../domain/caller.ts";
import { CofferError } from "../../domain/errors.ts";
import { newId } from "../../domain/ids.ts";
import type { Payload } from "../../domain/payload.ts";
import { checkActive, type Secret } from "../../domain/secret.ts";
import type { SecretVersion } from "../../domain/version.ts";
import { seal } from "../../envelope/envelope.ts";
import { countNewVersion, insertVersion } from "../../store/versions.ts";
import { authorize } from "../authorize.ts";
import { type SealingKeyDeps, sealingKey } from "../keys/sealing-key.ts";
import { type MutationDeps, mutate, type Outcome } from "../mutation.ts";
import { findSecretOrFail, lockSecretOrFail } from "../secrets/find.ts";
import { refOf, type SecretRefInput } from "../secrets/secret-ref.ts";
import { discard, payloadOf, type ValueInput } from "../secrets/value-input.ts";
import { findVersionByIdOrFail } from "./find.ts";

export interface AddVersionInput {
  secret: SecretRefInput;
  value: ValueInput;
  comment: string;
  /** When given, the version is added only if this is the current one (0: there is none). */
  expectedCurrentVersion: number | undefined;
}

type AddVersionDeps = MutationDeps & SealingKeyDeps & Pick<Deps, "regions">;

// The number is part of what a value is bound to, so it is sealed for a number that another call may take first.
const attemptsMax = 8;

/** Fails with SECRET_NOT_FOUND, SECRET_SOFT_DELETED, CURRENT_VERSION_MISMATCH or KEY_NOT_ACTIVE. */
export async function addSecretVersion(
  deps: AddVersionDeps,
  caller: Caller,
  input: AddVersionInput,
): Promise<Outcome<SecretVersion>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryToAdd(deps, caller, input);
    } catch (error) {
      if (!isNumberTaken(error) || attempt === attemptsMax) throw error;
    }
  }
}

async function tryToAdd(deps: AddVersionDeps, caller: Caller, input: AddVersionInput): Promise<Outcome<SecretVersion>> {
  const grant = authorize(caller, "versions.add");
  const { workspaceId } = grant;
  const ref = refOf(deps, input.secret);
  const versionId = newId("secv", deps.now(), deps.random);
  return mutate(deps, caller, {
    grant,
    async prepare() {
      const secret = await findSecretOrFail(deps.database, workspaceId, ref);
      checkActive(secret);
      const { secretId, kmsKeyId, region } = secret;
      const versionNumber = secret.versionCount + 1;
      const keyVersion = await sealingKey(deps, workspaceId, { kmsKeyId, region });
      const context = { deploymentId: deps.deploymentId, workspaceId, secretId, versionNumber };
      const payload = payloadOf(input.value, secret.kind, deps.random);
      const envelope = seal({ keyVersion, context, payload, random: deps.random });
      const payloadForm = formOfDiscarded(payload);
      return {
        subject: { resourceType: "secret_version", resourceId: versionId, versionNumber },
        secretId,
        versionNumber,
        keyVersion,
        envelope,
        payloadForm,
      };
    },
    async apply(tx, { secretId, versionNumber, keyVersion, envelope, payloadForm }) {
      const secret = await lockSecretOrFail(tx, workspaceId, secretId);
      checkActive(secret);
      checkCurrentVersion(secret, input.expectedCurrentVersion);
      if (secret.versionCount + 1 !== versionNumber) throw numberTaken();
      const version = await insertVersion(tx, {
        workspaceId,
        secretId,
        versionId,
        versionNumber,
        comment: input.comment,
        payloadForm,
        envelope,
        kmsKeyId: keyVersion.kmsKeyId,
        kmsKeyVersion: keyVersion.version,
      });
      await countNewVersion(tx, version);
      return version;
    },
    replay: (sql, id) => findVersionByIdOrFail(sql, workspaceId, id),
  });
}

function formOfDiscarded(payload: Payload): Payload["form"] {
  discard(payload);
  return payload.form;
}

function checkCurrentVersion({ currentVersion }: Secret, expected: number | undefined): void {
  if (expected === undefined || expected === currentVersion) return;
  throw new CofferError("CURRENT_VERSION_MISMATCH", `the current version is ${currentVersion}`, {
    current_version: String(currentVersion),
  });
}

function numberTaken(): CofferError {
  return new CofferError(
    "CONCURRENT_CHANGE",
    "other versions are being added to this secret at the same time",
    { number_taken: "true" },
    { retryDelayMs: 100 },
  );
}

function isNumberTaken(error: unknown): boolean {
  return error instanceof CofferError && error.metadata["number_taken"] === "true";
}
