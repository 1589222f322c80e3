// A header that names the workspace of a call.
import { CofferError, invalidField } from "../domain/error/errors.ts";
import type { WireApi } from "./surface.ts";

interface WorkspaceHeader {
  name: string;
  /** Whether every request needs it. Otherwise only tokens that reach several workspaces do. */
  isRequired: boolean;
  /** A header that may repeat the same workspace. */
  projectName?: string;
}

/** Fails with FIELD_INVALID, or with WORKSPACE_NOT_FOUND if the header `projectName` names another workspace. */
export function workspaceHeader(header: WorkspaceHeader): Required<Pick<WireApi, "workspace">> {
  const { name, isRequired, projectName } = header;
  return {
    workspace(headers) {
      const named = headers.get(name);
      if (named === null && isRequired) throw invalidField(name, "is required");
      if (named === "" || (named ?? "").length > 53) throw invalidField(name, "must have 1 to 53 characters");
      const project = projectName === undefined ? null : headers.get(projectName);
      if (project !== null && project !== named)
        throw new CofferError("WORKSPACE_NOT_FOUND", "the project is not found");
      return named ?? undefined;
    },
  };
}
