// The caller of an operation that a test runs without a request.
import { permissionsOfRole } from "../../src/domain/access/permission.ts";
import type { Caller } from "../../src/domain/workspace/caller.ts";

/** An owner of the workspace. */
export function callerIn(workspaceId: string, own: Partial<Caller> = {}): Caller {
  const membership = { workspaceId, role: "OWNER", permissions: permissionsOfRole("OWNER"), rules: undefined } as const;
  return {
    principalId: "prn_test",
    tokenId: "tok_test",
    credential: "API_TOKEN",
    reachesEveryWorkspace: false,
    scopes: [],
    tokenExpireTime: undefined,
    memberships: [membership],
    membership,
    address: "127.0.0.1",
    userAgent: "",
    requestId: "req_test",
    method: "test",
    idempotency: undefined,
    ...own,
  };
}
