// Permissions on DataRaven's surface: every role and scope at every route, on the real servers.
import { beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { uuidOf } from "../../../src/domain/ids.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createRavenSecret, ravenBody, ravenFailure, ravenRoutes, teamOf } from "../../support/dataraven.ts";

const coffer = useCoffer();
let team = "";
beforeAll(async () => {
  team = await teamOf(coffer);
});

const roles = ["VIEWER", "OPERATOR", "ADMIN", "OWNER"] as const;

/** A request that would succeed, for whoever may. */
async function requestFor(name: (typeof ravenRoutes)[number]["name"], inTeam = team) {
  const path = `/v1/teams/${inTeam}/secrets`;
  const one = async () => `${path}/${(await createRavenSecret(coffer, team)).id}`;
  switch (name) {
    case "create":
      return { path, init: { json: ravenBody() } };
    case "list":
      return { path, init: {} };
    case "get":
      return { path: await one(), init: {} };
    case "update":
      return { path: await one(), init: { method: "PATCH", json: { credentials: ravenBody().credentials } } };
    case "delete":
      return { path: await one(), init: { method: "DELETE" } };
  }
}

describe.each(ravenRoutes)("$name", ({ name, least, scope, ok }) => {
  it.each(roles)("as %s", async (role) => {
    const token = await coffer.tokenWithRole(Role[role]);
    const { path, init } = await requestFor(name);
    if (roles.indexOf(role) >= roles.indexOf(least)) {
      expect((await coffer.fetch(path, { ...init, token })).status).toBe(ok);
    } else {
      expect(await ravenFailure(coffer, path, { ...init, token })).toMatchObject({ status: 403 });
    }
  });

  it(`takes a token with the scope ${scope} and no other`, async () => {
    const all = ["secrets:create", "secrets:read", "secrets:update", "secrets:delete"];
    // To change or delete one, it must be found.
    const needed = name === "update" || name === "delete" ? [scope, "secrets:read"] : [scope];
    const allowed = await coffer.tokenWithRole(Role.OWNER, needed);
    const others = await coffer.tokenWithRole(
      Role.OWNER,
      all.filter((each) => each !== scope),
    );
    const { path, init } = await requestFor(name);
    expect(await ravenFailure(coffer, path, { ...init, token: others })).toMatchObject({ status: 403 });
    expect((await coffer.fetch(path, { ...init, token: allowed })).status).toBe(ok);
  });

  it("without a token, with a wrong one, and in a team that the token does not reach", async () => {
    const { path, init } = await requestFor(name);
    expect(await ravenFailure(coffer, path, { ...init, token: null })).toMatchObject({ status: 401 });
    expect(await ravenFailure(coffer, path, { ...init, token: "dr_wrong" })).toMatchObject({ status: 401 });
    const { workspaceId, ownerToken } = await otherWorkspace(coffer);
    expect(await ravenFailure(coffer, path, { ...init, token: ownerToken })).toMatchObject({ status: 403 });
    const foreign = path.replace(team, uuidOf(workspaceId));
    expect(await ravenFailure(coffer, foreign, init)).toMatchObject({ status: 403 });
    if (name !== "create" && name !== "list") {
      expect(await ravenFailure(coffer, foreign, { ...init, token: ownerToken })).toMatchObject({ status: 404 });
    }
    for (const none of ["x", "ws_01jzzzzzzzzzzzzzzzzzzzzzzz"]) {
      expect(await ravenFailure(coffer, path.replace(team, none), init)).toMatchObject({ status: 403 });
    }
  });
});
