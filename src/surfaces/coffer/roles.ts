// Roles, domain ⇄ coffer.v1.
import { Role as RoleMessage } from "../../../gen/coffer/v1/token_service_pb.ts";
import type { Role } from "../../domain/access/permission.ts";

export const roleMessages: Record<Role, RoleMessage> = {
  MEMBER: RoleMessage.MEMBER,
  VIEWER: RoleMessage.VIEWER,
  OPERATOR: RoleMessage.OPERATOR,
  ADMIN: RoleMessage.ADMIN,
  OWNER: RoleMessage.OWNER,
};

export const roles: Record<RoleMessage, Role | undefined> = {
  [RoleMessage.UNSPECIFIED]: undefined,
  [RoleMessage.MEMBER]: "MEMBER",
  [RoleMessage.VIEWER]: "VIEWER",
  [RoleMessage.OPERATOR]: "OPERATOR",
  [RoleMessage.ADMIN]: "ADMIN",
  [RoleMessage.OWNER]: "OWNER",
};
