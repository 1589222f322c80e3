// The headers of Akua's requests and answers that are about one resource.
import type { HandlerContext } from "@connectrpc/connect";
import { invalidField } from "../../domain/error/errors.ts";
import { etagOf } from "../../domain/secret/secret.ts";

/** Names the workspace. */
export const contextHeader = "akua-context";

const ifMatchLengthMax = 256;

/** The etag in if-match, which is required on writes to what has an etag. Fails with FIELD_INVALID. */
export function ifMatch({ requestHeader }: HandlerContext): string {
  const etag = requestHeader.get("if-match");
  if (etag === null || etag === "") throw invalidField("if-match", "is required");
  if (etag.length > ifMatchLengthMax)
    throw invalidField("if-match", `must have at most ${ifMatchLengthMax} characters`);
  return etag;
}

/** Sets the header that answers with one resource have for its etag. */
export function showEtag({ responseHeader }: HandlerContext, resource: { revision: number }): void {
  responseHeader.set("etag", `"${etagOf(resource)}"`);
}
