// The headers in which coffer's own surfaces take an API token or a JWT.
import type { WireApi } from "./surface.ts";

/** `Authorization: Bearer`, `Authorization: Token` or `X-API-Key`. */
export const tokenCredential: Pick<WireApi, "credentialHeaders" | "credential"> = {
  credentialHeaders: ["authorization", "x-api-key"],
  credential({ headers }) {
    const authorization = headers.get("authorization");
    if (authorization === null) return headers.get("x-api-key") ?? undefined;
    // The usual form, without the list that a match would make.
    if (authorization.startsWith("Bearer ") && !/[^!-~]/.test(authorization.slice(7))) return authorization.slice(7);
    return /^(?:bearer|token) +([!-~]+) *$/i.exec(authorization)?.[1] ?? "";
  },
};
