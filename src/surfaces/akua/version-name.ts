// How Akua's paths name a version.
import { isId } from "../../domain/ids.ts";
import { isVersionAlias, versionNotFound } from "../../domain/secret/version.ts";

/** A version's id; anything else is not found. */
export function toVersionId(vid: string): string {
  if (isId("secv", vid)) return vid;
  throw versionNotFound();
}

/** A version's id, `latest` or an alias. What can be none of them is not found: Akua's documents know no 400 here. */
export function toVersionName(vid: string): string {
  if (isId("secv", vid) || isVersionAlias(vid)) return vid;
  throw versionNotFound();
}
