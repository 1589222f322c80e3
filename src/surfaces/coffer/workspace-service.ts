// coffer.v1.WorkspaceService over the operations on workspaces.

import { create } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  EgressUnmatched,
  type Workspace as WorkspaceMessage,
  WorkspaceSchema,
  type WorkspaceService,
  WorkspaceTier,
} from "../../../gen/coffer/v1/workspace_service_pb.ts";
import { callerOf } from "../../call/caller.ts";
import { resourceOf } from "../../call/resource-of.ts";
import { toTimestamp } from "../../call/timestamp.ts";
import { type FieldChanges, maskedChange } from "../../call/update-mask.ts";
import { type Unmatched, unmatchedDefault } from "../../domain/egress/sandbox.ts";
import { invalidField } from "../../domain/error/errors.ts";
import { etagOf } from "../../domain/secret/secret.ts";
import { purgeRetentionDaysDefault, type Tier, tierDefault, type Workspace } from "../../domain/workspace/workspace.ts";
import { createWorkspace } from "../../operations/workspaces/create.ts";
import { getWorkspace } from "../../operations/workspaces/get.ts";
import { listWorkspaces } from "../../operations/workspaces/list.ts";
import { type UpdateWorkspaceInput, updateWorkspace } from "../../operations/workspaces/update.ts";
import type { Deps } from "../../runtime/deps.ts";
import { toEtag } from "./secret-requests.ts";

const tiers: Record<WorkspaceTier, Tier | undefined> = {
  [WorkspaceTier.UNSPECIFIED]: undefined,
  [WorkspaceTier.FREE]: "FREE",
  [WorkspaceTier.PRO]: "PRO",
  [WorkspaceTier.ENTERPRISE]: "ENTERPRISE",
};

const unmatched: Record<EgressUnmatched, Unmatched | undefined> = {
  [EgressUnmatched.UNSPECIFIED]: undefined,
  [EgressUnmatched.DENY]: "DENY",
  [EgressUnmatched.ALLOW]: "ALLOW",
};

const secondsPerDay = 86_400;

export function workspaceService(deps: Deps): ServiceImpl<typeof WorkspaceService> {
  return {
    async createWorkspace({ displayName, purgeRetention, tier: asked }, context) {
      const purgeRetentionDays = purgeRetention ? toDays(purgeRetention, "purge_retention") : purgeRetentionDaysDefault;
      const tier = tiers[asked] ?? tierDefault;
      const outcome = await createWorkspace(deps, callerOf(context), { displayName, purgeRetentionDays, tier });
      const { workspace, ownerToken } = resourceOf(context, outcome);
      return { workspace: toWorkspaceMessage(workspace), ownerToken };
    },

    async getWorkspace(_request, context) {
      return { workspace: toWorkspaceMessage(await getWorkspace(deps, callerOf(context))) };
    },

    async listWorkspaces(_request, context) {
      return { workspaces: (await listWorkspaces(deps, callerOf(context))).map(toWorkspaceMessage) };
    },

    async updateWorkspace({ workspace, updateMask }, context) {
      if (!workspace) throw new Error("the schema requires a workspace");
      const caller = callerOf(context);
      const { id } = workspace;
      if (id !== "" && caller.membership && caller.membership.workspaceId !== id) {
        throw invalidField("workspace.id", "must be empty or the same as workspace_id");
      }
      const input = {
        etag: toEtag(workspace.etag),
        change: maskedChange(WorkspaceSchema, workspace, updateMask, changes),
      };
      const outcome = await updateWorkspace(deps, caller, input);
      return { workspace: toWorkspaceMessage(resourceOf(context, outcome)) };
    },
  };
}

const changes: FieldChanges<WorkspaceMessage, UpdateWorkspaceInput["change"]> = {
  display_name({ displayName }) {
    if (displayName === "") throw invalidField("workspace.display_name", "must not be empty");
    return { displayName };
  },
  purge_retention: ({ purgeRetention }) => ({
    purgeRetentionDays: purgeRetention
      ? toDays(purgeRetention, "workspace.purge_retention")
      : purgeRetentionDaysDefault,
  }),
  tier: ({ tier }) => ({ tier: tiers[tier] ?? tierDefault }),
  egress_unmatched: ({ egressUnmatched }) => ({ egressUnmatched: unmatched[egressUnmatched] ?? unmatchedDefault }),
};

/** The schema keeps it between 0 and 90 days. */
function toDays({ seconds, nanos }: Duration, field: string): number {
  const days = Number(seconds) / secondsPerDay;
  if (!Number.isInteger(days) || nanos !== 0) throw invalidField(field, "must be whole days");
  return days;
}

function toWorkspaceMessage(workspace: Workspace): WorkspaceMessage {
  return create(WorkspaceSchema, {
    id: workspace.workspaceId,
    displayName: workspace.displayName,
    tier: WorkspaceTier[workspace.tier],
    egressUnmatched: EgressUnmatched[workspace.egressUnmatched],
    purgeRetention: create(DurationSchema, { seconds: BigInt(workspace.purgeRetentionDays * secondsPerDay) }),
    etag: etagOf(workspace),
    createTime: toTimestamp(workspace.createTime),
    updateTime: toTimestamp(workspace.updateTime),
  });
}
