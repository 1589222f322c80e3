// The AAD that binds a ciphertext to its row. It never changes for a secret version, so a ciphertext opens nowhere else.
import type { PayloadForm } from "../domain/secret/payload.ts";
import type { Algorithm, KeyAlgorithm } from "./algorithms.ts";
import { lengthPrefixed, uint32Bytes, utf8Bytes } from "./bytes.ts";
import { createWriter } from "./writer.ts";

export const envelopeVersion = 1;

/** The row that a value belongs to. */
export interface ValueContext {
  deploymentId: string;
  workspaceId: string;
  /** The id of the secret, or of the vault connection whose credentials these are. The prefixes differ. */
  secretId: string;
  /** The version of the secret, or of the connection's credentials. */
  versionNumber: number;
}

/** A KMS key version. It wraps DEKs unless another type of algorithm is given. */
export interface KeyVersionName<A extends KeyAlgorithm = Algorithm> {
  kmsKeyId: string;
  version: number;
  algorithm: A;
}

/** The AADs of the two layers of an envelope: views of one buffer, valid until the next call. */
export interface ValueAads {
  /** The AAD of the payload. It omits the key version, so that a rewrap does not touch the payload. */
  payload: Uint8Array;
  /** The AAD of the wrapped DEK: that of the payload, and the key version. */
  wrap: Uint8Array;
  /** The `info` from which the wrapping key is derived: a label, and the AAD of the wrap. */
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

/** Encodes a number as a field of four bytes. */
function writeNumber(value: number): void {
  writer.uint32(4);
  writer.uint32(value);
}

/** Returns the AAD of a KMS key version that a root key wraps. */
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

/** Returns the AAD of the private key that unwraps imported key material of a workspace and region. */
export function importKeyAad(deploymentId: string, workspaceId: string, region: string): Buffer {
  return lengthPrefixed([
    ...[utf8Bytes("coffer"), utf8Bytes("import-wrapping-key"), uint32Bytes(envelopeVersion)],
    ...[deploymentId, workspaceId, region].map(utf8Bytes),
  ]);
}

/** Returns the AAD of the deployment key that a root key wraps. */
export function deploymentKeyAad(deploymentId: string): Buffer {
  return lengthPrefixed([
    ...[utf8Bytes("coffer"), utf8Bytes("deployment-key"), uint32Bytes(envelopeVersion)],
    utf8Bytes(deploymentId),
  ]);
}
