// The request bodies of DataRaven's document, as they stand there, on the real servers.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { ravenFailure, teamOf } from "../../support/dataraven.ts";

const coffer = useCoffer();
const read = (name: string) => readFileSync(join(import.meta.dirname, "documented", name), "utf8");

it("a credential given directly is stored, answered without it, and its name is taken then", async () => {
  const path = `/v1/teams/${await teamOf(coffer)}/secrets`;
  const body = read("direct.txt");
  const init = { method: "POST", body, headers: { "content-type": "application/json" } };
  const response = await coffer.fetch(path, init);
  const text = await response.text();
  expect([response.status, JSON.parse(text)]).toEqual([
    201,
    expect.objectContaining({ name: "AWS Production Access", secret_type: "s3", auth_method: "s3_access_key" }),
  ]);
  expect(text).not.toContain("AKIA");
  expect(text).not.toContain("credentials");
  expect(await ravenFailure(coffer, path, init)).toMatchObject({ status: 409 });
});

const connections = {
  onepassword: { vault_type: "onepassword", access_token: "ops_token" },
  doppler: { vault_type: "doppler", access_token: "dp.st.token", project: "p", config: "prd" },
  infisical: { vault_type: "infisical", client_id: "c", client_secret: "s", project_id: "p", environment: "prod" },
};

it.each(Object.entries(connections))(
  "a credential in %s is referred to, and answered without it",
  async (name, connection) => {
    const { ownerToken: token } = await otherWorkspace(coffer);
    const team = await teamOf(coffer, token);
    const made = await coffer.fetch(`/v1/teams/${team}/vault-connections`, { json: { name, ...connection }, token });
    const { id } = (await made.json()) as { id: string };
    expect(made.status).toBe(201);
    const body = read(`${name}.txt`).replace(/uuid-of-\w+-connection/, id);
    const init = { method: "POST", body, headers: { "content-type": "application/json" }, token };
    const path = `/v1/teams/${team}/secrets`;
    const response = await coffer.fetch(path, init);
    const secret = (await response.json()) as { id: string };
    expect([response.status, secret]).toEqual([
      201,
      {
        id: expect.any(String),
        name: "AWS Production Access",
        description: expect.stringMatching(/^S3 access via /),
        secret_type: "s3",
        auth_method: "s3_access_key",
        created_at: expect.any(String),
        created_by: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      },
    ]);
    expect(await ravenFailure(coffer, path, init)).toMatchObject({ status: 409 });
    const mappings = (JSON.parse(body) as { field_mappings: { field_name: string; reference: string }[] })
      .field_mappings;
    expect(await (await coffer.fetch(`${path}/${secret.id}`, { token })).json()).toMatchObject({
      vault_connection_id: id,
      vault_connection_name: name,
      vault_type: name,
      external_field_mappings: Object.fromEntries(mappings.map((each) => [each.field_name, each.reference])),
    });
    expect(await (await coffer.fetch(path, { token })).json()).toMatchObject([{ id: secret.id, vault_type: name }]);
  },
);
