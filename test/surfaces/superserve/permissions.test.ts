// Permissions on Superserve's surface: every route with and without each permission, on the real servers.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createServeSecret, serve, serveBody, served, serveFailure, serveRoutes } from "../../support/superserve.ts";

const coffer = useCoffer();

/** A request that would succeed, for whoever may. */
async function requestFor(request: string) {
  const { name } = await createServeSecret(coffer);
  const { id } = await served<{ id: string }>(coffer, "/sandboxes", { json: { name: "box", secrets: { KEY: name } } });
  const bodies: Record<string, object> = {
    "POST /secrets": serveBody(),
    "PATCH /secrets/{name}": { value: "v2" },
    "POST /sandboxes": { name: "box", secrets: { KEY: name } },
    "PATCH /sandboxes/{id}": { metadata: { owner: "agent-7" } },
    "POST /sandboxes/{id}/secrets": { env_key: "OTHER", secret_name: name },
  };
  const [method = "", template = ""] = request.split(" ");
  const path = template.replace("{name}", name).replace("{id}", id).replace("{env_key}", "KEY");
  const json = bodies[request];
  return { path, init: { method, ...(json ? { json } : {}) } };
}

describe.each(serveRoutes)("$request", ({ request, permissions, success }) => {
  it("takes a token with these permissions, and with one less none", async () => {
    const { path, init } = await requestFor(request);
    for (const lacking of permissions) {
      const scopes = [...permissions.filter((each) => each !== lacking), "keys.list"];
      const token = await coffer.tokenWithRole(Role.OWNER, scopes);
      const { error, message } = await serveFailure(coffer, path, { ...init, token });
      expect([error, message]).toEqual(["403 forbidden", `permission ${lacking} is missing`]);
    }
    const token = await coffer.tokenWithRole(Role.OWNER, permissions.length > 0 ? [...permissions] : ["keys.list"]);
    expect((await serve(coffer, path, { ...init, token })).status).toBe(success);
  });

  it("without a token, with a wrong one, and in another workspace", async () => {
    const { path, init } = await requestFor(request);
    for (const token of [null, "ss_live_wrong"]) {
      expect(await serveFailure(coffer, path, { ...init, token })).toMatchObject({ error: "401 unauthorized" });
    }
    if (!request.includes("{")) return;
    const { ownerToken } = await otherWorkspace(coffer);
    expect(await serveFailure(coffer, path, { ...init, token: ownerToken })).toMatchObject({ error: "404 not_found" });
  });
});
