// Refuses calls about workspaces that the credential does not reach: known by now is who asked, and the call has been counted.
import type { Interceptor } from "@connectrpc/connect";
import { CofferError } from "../domain/error/errors.ts";
import { unreachedWorkspaceKey } from "./context.ts";

/** The same answer whether there is such a workspace or not. */
export function reach(): Interceptor {
  return (next) => async (req) => {
    const unreached = req.contextValues.get(unreachedWorkspaceKey);
    if (unreached === undefined) return next(req);
    throw new CofferError("WORKSPACE_NOT_REACHED", "the credential does not reach this workspace", {
      workspace_id: unreached,
    });
  };
}
