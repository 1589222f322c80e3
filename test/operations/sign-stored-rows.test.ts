// An upgrade puts the rows of an earlier version under their MACs, and keeps instances of that version from writing rows without.
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { macRow } from "../../src/envelope/mac.ts";
import { signStoredRows } from "../../src/steps/sign-stored-rows.ts";
import { onlyOffice } from "../support/access-policies.ts";
import { useCoffer } from "../support/coffer.ts";
import { expectError } from "../support/errors.ts";
import { addVersion, byId, createSecret, present, readText } from "../support/secrets.ts";

const coffer = useCoffer();

/** Makes every row what an earlier version would have written. */
async function asBefore(): Promise<void> {
  const { rowMacKey } = coffer.deps.deploymentKeys;
  const rows = await coffer.sql("select * from secret");
  for (const row of rows) {
    const { workspace_id, secret_id, region, kms_key_id, revealable, access_policy } = row as Record<string, string>;
    const fields = [workspace_id, secret_id, region, kms_key_id, Boolean(revealable)].map((field) => present(field));
    const mac = access_policy
      ? macRow(rowMacKey, "secret/v2", [...fields, access_policy])
      : macRow(rowMacKey, "secret/v1", fields);
    await coffer.sql("update secret set mac = $2, row_mac = null where secret_id = $1", [secret_id, mac]);
  }
  await coffer.sql("update workspace set mac = null");
}

describe("the rows of an earlier version", () => {
  it("are read as they were, and can be changed, but for those that did not authenticate before", async () => {
    const plain = await createSecret(coffer);
    await addVersion(coffer, plain, "v2");
    const guarded = await createSecret(coffer, { accessPolicy: onlyOffice });
    const tampered = await createSecret(coffer, { revealable: false });
    await asBefore();
    await coffer.sql("update secret set revealable = true where secret_id = $1", [tampered.id]);
    const { secrets, workspaces } = coffer.clients();
    const corrupt = { code: "DataLoss", reason: "VALUE_CORRUPT" };
    await expectError(secrets.getSecretValue(byId(plain.id)), corrupt);
    await signStoredRows(coffer.deps.deploymentKeys, coffer.deps.database);
    expect(await readText(coffer, plain)).toBe("v2");
    await addVersion(coffer, plain, "v3");
    await expectError(secrets.getSecretValue(byId(guarded.id)), { reason: "ACCESS_POLICY_DENIED" });
    await expectError(secrets.getSecretValue(byId(tampered.id)), corrupt);
    await workspaces.updateWorkspace({ workspace: { displayName: "renamed" } });
  });
});

describe("an instance of an earlier version, beside this one", () => {
  let earlier: Client;
  beforeAll(async () => {
    earlier = new Client({ connectionString: coffer.databaseUrl, application_name: "coffer" });
    await earlier.connect();
  });
  afterAll(() => earlier.end());

  it.each([
    ["renames", "update secret set name = 'n', path = '/n' where secret_id = $1"],
    ["soft-deletes", "update secret set state = 'SOFT_DELETED' where secret_id = $1"],
    ["adds a version to", "update secret set version_count = 2, current_version = 2 where secret_id = $1"],
    [
      "copies, as if it created",
      `insert into secret select (jsonb_populate_record(s, '{"secret_id": "sec_new", "path": "/new", "row_mac": null}')).*
        from secret s where secret_id = $1`,
    ],
    ["opens the workspace of", "update workspace set egress_unmatched = 'ALLOW' where $1 <> ''"],
  ])("is told to try elsewhere when it %s a secret", async (_what, change) => {
    const { id } = await createSecret(coffer);
    // 25006 is UNAVAILABLE to callers of every version.
    await expect(earlier.query(change, [id])).rejects.toMatchObject({ code: "25006" });
    expect(await readText(coffer, { id })).toBe("v1");
  });

  it("reads on, and notes when it has read", async () => {
    const { id } = await createSecret(coffer);
    await earlier.query("update secret set last_accessed_time = now(), description = 'd' where secret_id = $1", [id]);
    expect(await readText(coffer, { id })).toBe("v1");
  });
});
