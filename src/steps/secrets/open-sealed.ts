// Verifies the MACs of a version that was read, and opens it.
import { CofferError } from "../../domain/error/errors.ts";
import { checkKeyActive } from "../../domain/key/kms-key.ts";
import type { Payload } from "../../domain/secret/payload.ts";
import { Sensitive } from "../../domain/sensitive.ts";
import { valueCorrupt } from "../../envelope/corrupt.ts";
import { type UnwrappedDek, unwrapDek } from "../../envelope/envelope.ts";
import { decodeKeyValues } from "../../envelope/payload.ts";
import { checkAuthentic, coveredOfKmsKey, coveredOfSecret, coveredOfVersion } from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { SealedVersion } from "../../store/read-values.ts";

/** A value in the form in which it was given. */
export type RevealedValue =
  | { form: "data"; data: Sensitive }
  | { form: "key_values"; values: ReadonlyMap<string, Sensitive> };

type OpenDeps = Pick<Deps, "deploymentKeys" | "deploymentId" | "keyMaterial">;

/** Verifies the rows that were read and opens the value. Fails with KEY_NOT_ACTIVE or VALUE_CORRUPT. */
export async function openSealed(deps: OpenDeps, sealed: SealedVersion): Promise<Payload> {
  using dek = await unwrapSealed(deps, sealed);
  return dek.open(envelopeOf(sealed));
}

/** Verifies the rows that were read and unwraps the DEK. Fails with KEY_NOT_ACTIVE or VALUE_CORRUPT. */
export async function unwrapSealed(deps: OpenDeps, sealed: SealedVersion): Promise<UnwrappedDek> {
  const { secret, version, key } = sealed;
  if (!version || !key) throw valueCorrupt();
  const envelope = envelopeOf(sealed);
  const { workspaceId, secretId } = secret;
  checkAuthentic(deps.deploymentKeys, coveredOfSecret(secret), secret.rowMac);
  checkAuthentic(deps.deploymentKeys, coveredOfVersion({ workspaceId, secretId, ...version }), version.mac);
  checkAuthentic(deps.deploymentKeys, coveredOfKmsKey(key), key.mac);
  checkKeyActive(key);
  const keyVersion = await deps.keyMaterial.get(key, version.kmsKeyVersion);
  return unwrapDek({
    envelope,
    keyVersion,
    context: { deploymentId: deps.deploymentId, workspaceId, secretId, versionNumber: version.versionNumber },
    form: version.payloadForm,
  });
}

/** Fails with VALUE_CORRUPT if there is none. */
export function envelopeOf({ version }: SealedVersion): Uint8Array {
  if (!version?.envelope) throw valueCorrupt();
  return version.envelope;
}

/** Returns the value in the form in which it was given. Fails with VALUE_FORM_UNSUPPORTED for a reference, which an external vault resolves. */
export function reveal({ form, bytes }: Payload): RevealedValue {
  if (form === "reference") {
    throw new CofferError(
      "VALUE_FORM_UNSUPPORTED",
      "the value is a reference to an external vault, which this call does not resolve",
    );
  }
  if (form === "data") return { form, data: bytes };
  // Overwrites the bytes if they cannot be decoded.
  using undecoded = new DisposableStack();
  undecoded.use(bytes);
  const values = [...decodeKeyValues(bytes)].map(([key, value]) => [key, new Sensitive(value)] as const);
  undecoded.move();
  return { form, values: new Map(values) };
}
