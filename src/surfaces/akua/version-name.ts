// Reads the version in Akua's paths.
import { isId } from "../../domain/ids.ts";
import { isVersionAlias, versionNotFound } from "../../domain/secret/version.ts";

/** Returns the id of a version. Other texts are not found. */
export function toVersionId(vid: string): string {
  if (isId("secv", vid)) return vid;
  throw versionNotFound();
}

/** Returns the id of a version, `latest` or an alias. Other texts are not found, because Akua documents no 400 here. */
export function toVersionName(vid: string): string {
  if (isId("secv", vid) || isVersionAlias(vid)) return vid;
  throw versionNotFound();
}
