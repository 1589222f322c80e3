// A version of a secret, its states, and the names of versions in requests.
import { CofferError, invalidField } from "../error/errors.ts";
import { isId } from "../ids.ts";
import type { PayloadForm } from "./payload.ts";

export type VersionState = "ENABLED" | "DISABLED" | "DESTROYED";

export interface SecretVersion {
  workspaceId: string;
  secretId: string;
  versionId: string;
  versionNumber: number;
  state: VersionState;
  /** The vault connection of its reference; undefined: it holds its value itself. */
  vaultConnectionId: string | undefined;
  comment: string;
  payloadForm: PayloadForm;
  /** Counts the changes; the etag is this number in decimal. */
  revision: number;
  kmsKeyId: string;
  kmsKeyVersion: number;
  createTime: Date;
  destroyTime: Date | undefined;
  /** When a job destroys it; undefined: nothing is scheduled. */
  scheduledDestroyTime: Date | undefined;
  /** When its value was last returned, at most two seconds behind. */
  lastAccessedTime: Date | undefined;
}

/** The name of a version in a request. */
export type VersionRef =
  | { by: "latest" }
  | { by: "number"; versionNumber: number }
  | { by: "id"; versionId: string }
  | { by: "alias"; alias: string };

/** An alias that stands for the newest enabled version as long as it is not set to another. */
export const currentAlias = "current";

const versionNumberMax = 2_147_483_647;

/** Parses a number, a `secv_` id, `latest` (the newest enabled version; also the default), an alias, or `current`. */
export function parseVersionRef(text: string, field = "version"): VersionRef {
  if (text === "" || text === "latest") return { by: "latest" };
  if (/^[1-9][0-9]{0,9}$/.test(text) && Number(text) <= versionNumberMax) {
    return { by: "number", versionNumber: Number(text) };
  }
  if (isId("secv", text)) return { by: "id", versionId: text };
  if (isVersionAlias(text)) return { by: "alias", alias: text };
  throw invalidField(field, "must be a version number, an alias, a version id or `latest`");
}

/** Returns whether `text` has the form of an alias, as `latest` has too. */
export function isVersionAlias(text: string): boolean {
  return /^(?!\d+$)[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(text);
}

export function versionNotFound(): CofferError {
  return new CofferError("VERSION_NOT_FOUND", "there is no such version");
}

/** The error for secrets without a current version. */
export function noVersionEnabled(): CofferError {
  return new CofferError(
    "VERSION_NOT_FOUND",
    "there is no such version: every version is destroyed or disabled; add one",
  );
}

/** Fails unless the value of a version in this state may be read. */
export function checkReadable(version: { state: VersionState; versionNumber: number }): void {
  const metadata = { version: String(version.versionNumber) };
  if (version.state === "DESTROYED") {
    throw new CofferError("VERSION_DESTROYED", `version ${version.versionNumber} is destroyed`, metadata);
  }
  if (version.state === "DISABLED") {
    throw new CofferError("VERSION_DISABLED", `version ${version.versionNumber} is disabled`, metadata);
  }
}
