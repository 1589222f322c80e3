// The headers in which coffer's own surfaces take an API token or a JWT.
import type { WireApi } from "./surface.ts";

/** `Authorization: Bearer`, `Authorization: Token` or `X-API-Key`. */
export const tokenCredential: Pick<WireApi, "credentialHeaders" | "credential"> = {
  credentialHeaders: ["authorization", "x-api-key"],
  credential({ headers }) {
    const authorization = headers.get("authorization");
    if (authorization === null) return headers.get("x-api-key") ?? undefined;
    return /^(?:bearer|token) +([!-~]+) *$/i.exec(authorization)?.[1] ?? "";
  },
};
