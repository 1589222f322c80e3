// What a ciphertext is bound to: nothing in here ever changes for a secret version, so a moved ciphertext does not open.
import type { PayloadForm } from "../domain/secret/payload.ts";
import type { Algorithm, KeyAlgorithm } from "./algorithms.ts";
import { lengthPrefixed, uint32Bytes, utf8Bytes } from "./bytes.ts";
import { createWriter } from "./writer.ts";

export const envelopeVersion = 1;

/** The row that a value belongs to. */
export interface ValueContext {
  deploymentId: string;
  workspaceId: string;
  /** The secret, or the vault connection whose credentials it is: their ids begin differently. */
  secretId: string;
  /** Of the secret, or of the connection's credentials. */
  versionNumber: number;
}

/** A KMS key version; one that wraps DEKs unless another kind of algorithm is named. */
export interface KeyVersionName<A extends KeyAlgorithm = Algorithm> {
  kmsKeyId: string;
  version: number;
  algorithm: A;
}

/** What the two layers of an envelope are bound to. Views of one buffer, valid until the next call. */
export interface ValueAads {
  /** Of the payload. The key's version is left out, so that a rewrap leaves the payload alone. */
  payload: Uint8Array;
  /** Of the wrapped DEK: the payload's, and the key's version. */
  wrap: Uint8Array;
  /** From which the key that wraps the DEK is derived: a label, and the wrap's. */
  wrapInfo: Uint8Array;
}

const wrapLabelBytes = utf8Bytes("coffer/wrap/v1");
const writer = createWriter();

export function valueAads(context: ValueContext, form: PayloadForm, key: KeyVersionName): ValueAads {
  writer.start(0);
  writer.bytes(wrapLabelBytes);
  writer.text("coffer");
  writeNumber(envelopeVersion);
  writer.text(context.deploymentId);
  writer.text(context.workspaceId);
  writer.text(context.secretId);
  writeNumber(context.versionNumber);
  writer.text(key.algorithm);
  writer.text(key.kmsKeyId);
  writer.text(form);
  const payloadEnd = writer.view().byteLength;
  writeNumber(key.version);
  const wrapInfo = writer.view();
  return {
    payload: wrapInfo.subarray(wrapLabelBytes.byteLength, payloadEnd),
    wrap: wrapInfo.subarray(wrapLabelBytes.byteLength),
    wrapInfo,
  };
}

/** As a field of four bytes. */
function writeNumber(value: number): void {
  writer.uint32(4);
  writer.uint32(value);
}

/** Of a KMS key version that a root key wraps. */
export function keyVersionAad(
  owner: { deploymentId: string; workspaceId: string },
  key: KeyVersionName<KeyAlgorithm>,
): Buffer {
  return lengthPrefixed([
    ...[utf8Bytes("coffer"), utf8Bytes("kms-key-version"), uint32Bytes(envelopeVersion)],
    ...[owner.deploymentId, owner.workspaceId, key.kmsKeyId].map(utf8Bytes),
    uint32Bytes(key.version),
    utf8Bytes(key.algorithm),
  ]);
}

/** Of the private key with which a workspace takes imported key material in a region. */
export function importKeyAad(deploymentId: string, workspaceId: string, region: string): Buffer {
  return lengthPrefixed([
    ...[utf8Bytes("coffer"), utf8Bytes("import-wrapping-key"), uint32Bytes(envelopeVersion)],
    ...[deploymentId, workspaceId, region].map(utf8Bytes),
  ]);
}

/** Of the deployment key that a root key wraps. */
export function deploymentKeyAad(deploymentId: string): Buffer {
  return lengthPrefixed([
    ...[utf8Bytes("coffer"), utf8Bytes("deployment-key"), uint32Bytes(envelopeVersion)],
    utf8Bytes(deploymentId),
  ]);
}
