// Roles and scopes as a table.
import { describe, expect, it } from "vitest";
import { isScope, narrow, permissionsOfRole } from "../../src/domain/access/permission.ts";

const table = {
  MEMBER: [],
  VIEWER: [
    ...["egress.read", "keys.list", "keys.read", "secrets.list", "secrets.read"],
    ...["vaults.list", "vaults.read", "versions.read", "workspace.read"],
  ],
  OPERATOR: [
    "egress.bind",
    "egress.create",
    "egress.delete",
    "egress.events",
    "egress.unbind",
    "egress.update",
    "keys.decrypt",
    "keys.encrypt",
    "keys.sign",
    "keys.verify",
    "secrets.create",
    "secrets.delete",
    "secrets.undelete",
    "secrets.update",
    "secrets.use",
    "versions.access",
    "versions.add",
    "versions.disable",
    "versions.enable",
  ],
  ADMIN: [
    "access.create",
    "access.delete",
    "access.list",
    "audit.read",
    "keys.create",
    "keys.destroy",
    "keys.disable",
    "keys.enable",
    "keys.rotate",
    "keys.update",
    "secrets.purge",
    "tokens.create",
    "tokens.list",
    "tokens.revoke",
    "tokens.rotate",
    "vaults.create",
    "vaults.delete",
    "vaults.rotate",
    "vaults.update",
    "vaults.verify",
    "versions.destroy",
    "workspace.update",
  ],
  OWNER: ["keys.export", "workspace.create"],
} as const;
const roles = ["MEMBER", "VIEWER", "OPERATOR", "ADMIN", "OWNER"] as const;
const all = permissionsOfRole("OWNER");

describe("a role", () => {
  it.each(roles)("%s has what the roles below it have, and its own", (role) => {
    const expected = roles.slice(0, roles.indexOf(role) + 1).flatMap((each) => [...table[each]]);
    expect([...permissionsOfRole(role)].sort()).toEqual(expected.sort());
  });

  it("below operator reads no value, and below admin destroys nothing and makes no token", () => {
    expect(permissionsOfRole("VIEWER").has("versions.access")).toBe(false);
    for (const permission of ["versions.destroy", "tokens.create", "secrets.purge"] as const) {
      expect(permissionsOfRole("OPERATOR").has(permission)).toBe(false);
      expect(permissionsOfRole("ADMIN").has(permission)).toBe(true);
    }
  });
});

describe("scopes", () => {
  it("that are none narrow nothing", () => {
    expect(narrow(all, [])).toBe(all);
  });

  it.each([
    [["*"], [...all].sort()],
    [["secrets.read"], ["secrets.read"]],
    [["tokens.*"], ["tokens.create", "tokens.list", "tokens.revoke", "tokens.rotate"]],
    [
      ["tokens.*", "audit.read"],
      ["audit.read", "tokens.create", "tokens.list", "tokens.revoke", "tokens.rotate"],
    ],
    [["secrets"], []],
    [["secrets."], []],
    [[".*"], []],
    [["secrets.rea*"], []],
    [["SECRETS.READ"], []],
  ])("%j leave %j of everything", (scopes, expected) => {
    expect([...narrow(all, scopes)].sort()).toEqual(expected);
  });

  it("have Akua's names for sets of permissions", () => {
    const read = ["secrets.list", "secrets.read", "versions.read"];
    expect([...narrow(all, ["secrets:read"])].sort()).toEqual(read);
    expect([...narrow(all, ["secrets:access"])]).toEqual(["versions.access"]);
    const write = narrow(all, ["secrets:write"]);
    expect([...write].sort()).toEqual([
      "secrets.create",
      "secrets.delete",
      "secrets.purge",
      "secrets.undelete",
      "secrets.update",
      "versions.add",
      "versions.destroy",
      "versions.disable",
      "versions.enable",
    ]);
    expect(narrow(permissionsOfRole("VIEWER"), ["secrets:write", "secrets:access"]).size).toBe(0);
    for (const scope of ["secrets:read", "secrets:write", "secrets:access"]) expect(isScope(scope)).toBe(true);
    for (const scope of ["secrets:", "secrets:*", "versions:read"]) expect(isScope(scope)).toBe(false);
  });

  it("have Thalassa Cloud's names for sets of permissions", () => {
    expect([...narrow(all, ["secrets:ReadAccess"])].sort()).toEqual(["secrets.list", "secrets.read"]);
    expect([...narrow(all, ["secrets:FullAccess"])].sort()).toEqual([
      "secrets.create",
      "secrets.delete",
      "secrets.list",
      "secrets.purge",
      "secrets.read",
      "secrets.update",
      "versions.access",
      "versions.add",
      "versions.destroy",
    ]);
  });

  it("never add to a role", () => {
    const viewer = permissionsOfRole("VIEWER");
    for (const scope of ["*", "versions.*", "secrets.create"]) {
      for (const permission of narrow(viewer, [scope])) expect(viewer.has(permission)).toBe(true);
    }
    expect([...narrow(viewer, ["secrets.create"])]).toEqual([]);
  });

  it("are known words", () => {
    for (const scope of ["*", "secrets.*", "secrets.read", "workspace.create"]) expect(isScope(scope)).toBe(true);
    for (const scope of ["", "**", "secrets", "secrets.**", "secret.*", "secrets.fly", "s*", ".*", "constructor"]) {
      expect([scope, isScope(scope)]).toEqual([scope, false]);
    }
  });
});
