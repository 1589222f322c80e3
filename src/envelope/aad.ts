// What a ciphertext is bound to: nothing in here ever changes for a secret version, so a moved ciphertext does not open.
import type { PayloadForm } from "../domain/payload.ts";
import type { Algorithm } from "./algorithms.ts";
import { lengthPrefixed, uint32Bytes, utf8Bytes } from "./bytes.ts";

export const envelopeVersion = 1;

/** The row that a value belongs to. */
export interface ValueContext {
  deploymentId: string;
  workspaceId: string;
  secretId: string;
  versionNumber: number;
}

/** The KMS key version that wraps a DEK. */
export interface KeyVersionName {
  kmsKeyId: string;
  version: number;
  algorithm: Algorithm;
}

/** Of the payload. The key's version is left out, so that a rewrap leaves the payload alone. */
export function payloadAad(
  context: ValueContext,
  form: PayloadForm,
  key: Pick<KeyVersionName, "kmsKeyId" | "algorithm">,
): Buffer {
  return lengthPrefixed(payloadFields(context, form, key));
}

/** Of the wrapped DEK: the payload's, and the key's version. */
export function wrapAad(context: ValueContext, form: PayloadForm, key: KeyVersionName): Buffer {
  return lengthPrefixed([...payloadFields(context, form, key), uint32Bytes(key.version)]);
}

/** Of a KMS key version that a root key wraps. */
export function keyVersionAad(owner: { deploymentId: string; workspaceId: string }, key: KeyVersionName): Buffer {
  return lengthPrefixed([
    ...[utf8Bytes("coffer"), utf8Bytes("kms-key-version"), uint32Bytes(envelopeVersion)],
    ...[owner.deploymentId, owner.workspaceId, key.kmsKeyId].map(utf8Bytes),
    uint32Bytes(key.version),
    utf8Bytes(key.algorithm),
  ]);
}

/** Of the deployment key that a root key wraps. */
export function deploymentKeyAad(deploymentId: string): Buffer {
  return lengthPrefixed([
    ...[utf8Bytes("coffer"), utf8Bytes("deployment-key"), uint32Bytes(envelopeVersion)],
    utf8Bytes(deploymentId),
  ]);
}

function payloadFields(
  context: ValueContext,
  form: PayloadForm,
  key: Pick<KeyVersionName, "kmsKeyId" | "algorithm">,
): Uint8Array[] {
  return [
    utf8Bytes("coffer"),
    uint32Bytes(envelopeVersion),
    ...[context.deploymentId, context.workspaceId, context.secretId].map(utf8Bytes),
    uint32Bytes(context.versionNumber),
    ...[key.algorithm, key.kmsKeyId, form].map(utf8Bytes),
  ];
}
