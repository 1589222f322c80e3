// Rows that decide who may do what: changed behind coffer's back they are worth nothing, never more than before.
import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { coveredOfKmsKey, macOf } from "../../src/integrity/row-macs.ts";
import { findKmsKey } from "../../src/store/kms-keys.ts";
import { otherWorkspace } from "../support/broad-token.ts";
import { useCoffer } from "../support/coffer.ts";
import { errorOf, expectError, unauthenticated } from "../support/errors.ts";
import { byId, createSecret, data, newName, present, readText } from "../support/secrets.ts";

const coffer = useCoffer();

async function newToken(scopes: string[] = []) {
  const created = await coffer.clients().tokens.createToken({ displayName: "t", role: Role.VIEWER, scopes });
  const { id, principalId, workspaceId } = present(created.apiToken);
  return { id, principalId, workspaceId, token: created.token };
}

/** Runs SQL, and has the instance look at its tokens anew. */
async function tamper(text: string, values: unknown[]): Promise<void> {
  await coffer.sql(text, values);
  coffer.deps.tokenCache.clear();
}

/** Checks that the token may do nothing. */
async function expectUseless(token: string): Promise<void> {
  const { id } = await createSecret(coffer);
  const { secrets, tokens } = coffer.clients(token);
  const calls = [
    secrets.getSecretValue(byId(id)),
    secrets.getSecret(byId(id)),
    secrets.createSecret({ name: newName(), value: data("v") }),
    tokens.createToken({ displayName: "more" }),
  ];
  for (const { code } of await Promise.all(calls.map(errorOf))) {
    expect(["Unauthenticated", "PermissionDenied"]).toContain(code);
  }
}

describe("a token", () => {
  it.each([
    ["its scopes", "scopes = '{}'"],
    ["its scopes widened", "scopes = '{*}'"],
    ["its principal", "principal_id = (select principal_id from workspace_member where role = 'OWNER' limit 1)"],
    ["its workspace", "workspace_id = null"],
    ["its end", "expire_time = now() + interval '1 year'"],
    ["its secret", "secret_hash = (select secret_hash from api_token where display_name = 'owner' limit 1)"],
    ["its id", "token_id = 'tok_other'"],
    ["its mac", "mac = (select mac from api_token where display_name = 'owner' limit 1)"],
  ])("is refused when SQL changed %s", async (_, change) => {
    const { id, token } = await newToken(["secrets.list"]);
    expect((await coffer.clients(token).tokens.whoAmI({})).tokenId).toBe(id);
    await tamper(`update api_token set ${change} where token_id = $1`, [id]);
    await expectError(coffer.clients(token).tokens.whoAmI({}), unauthenticated);
    await expectUseless(token);
  });

  it("stays revoked when SQL takes the revocation back", async () => {
    const { id, token } = await newToken();
    await coffer.clients().tokens.revokeToken({ id });
    await tamper("update api_token set revoke_time = null where token_id = $1", [id]);
    await expectError(coffer.clients(token).tokens.whoAmI({}), unauthenticated);
  });

  it.each(["now() - interval '1 minute'", "null", "now() + interval '1 day'"])(
    "cannot be given the end %s",
    async (end) => {
      const ttl = create(DurationSchema, { seconds: 3600n });
      const request = { displayName: "t", role: Role.VIEWER, expiration: { case: "ttl", value: ttl } } as const;
      const { apiToken, token } = await coffer.clients().tokens.createToken(request);
      expect((await coffer.clients(token).tokens.whoAmI({})).tokenId).toBe(apiToken?.id);
      await tamper(`update api_token set expire_time = ${end} where token_id = $1`, [apiToken?.id]);
      await expectError(coffer.clients(token).tokens.whoAmI({}), unauthenticated);
    },
  );

  it("works again when every column is as coffer wrote it: the test sees a difference", async () => {
    const { id, token } = await newToken(["secrets.list"]);
    await tamper("update api_token set scopes = '{*}' where token_id = $1", [id]);
    await expectError(coffer.clients(token).tokens.whoAmI({}), unauthenticated);
    await tamper("update api_token set scopes = '{secrets.list}' where token_id = $1", [id]);
    expect((await coffer.clients(token).tokens.whoAmI({})).permissions).toEqual(["secrets.list"]);
  });

  it("cannot be made by copying a row under another id", async () => {
    const { id, token } = await newToken();
    await tamper(
      `insert into api_token (token_id, lookup_id, principal_id, workspace_id, display_name, prefix, scopes, secret_hash, mac)
        select 'tok_copy', 'copycopyid', principal_id, workspace_id, 'copy', prefix, scopes, secret_hash, mac
        from api_token where token_id = $1`,
      [id],
    );
    await expectError(coffer.clients(token.replace(/_.{10}_/, "_copycopyid_")).tokens.whoAmI({}), unauthenticated);
  });
});

describe("a membership", () => {
  it.each(["OPERATOR", "ADMIN", "OWNER"])("gives nothing when SQL made its role %s", async (role) => {
    const { principalId, token } = await newToken();
    await tamper("update workspace_member set role = $2 where principal_id = $1", [principalId, role]);
    await expectUseless(token);
    expect((await coffer.clients(token).tokens.whoAmI({})).permissions).toEqual([]);
  });

  it("cannot be copied from another principal or into another workspace", async () => {
    const { principalId, token, workspaceId } = await newToken();
    const away = await otherWorkspace(coffer);
    await tamper(
      `update workspace_member set role = 'OWNER', mac = (
        select mac from workspace_member where role = 'OWNER' and workspace_id = $2 limit 1) where principal_id = $1`,
      [principalId, workspaceId],
    );
    await expectUseless(token);
    const moved = await newToken();
    await tamper("update workspace_member set workspace_id = $2 where principal_id = $1", [
      moved.principalId,
      away.workspaceId,
    ]);
    await expectUseless(moved.token);
    const { secrets } = coffer.clients(moved.token);
    expect((await errorOf(secrets.listSecrets({ workspaceId: away.workspaceId }))).code).toBe("PermissionDenied");
  });
});

describe("a key", () => {
  const corrupt = { code: "DataLoss", reason: "VALUE_CORRUPT", metadata: { record: "kms_key" } };

  it.each([
    ["its state", "state = 'DISABLED'", "state = 'ACTIVE'"],
    ["its algorithm", "algorithm = 'aes128-gcm96'", "algorithm = 'aes256-gcm96'"],
    ["its region", "region = 'elsewhere'", "region = 'default'"],
  ])("opens nothing and seals nothing when SQL changed %s", async (_, change, back) => {
    const { id, kmsKeyId } = await createSecret(coffer);
    const { secrets } = coffer.clients();
    await coffer.sql(`update kms_key set ${change} where kms_key_id = $1`, [kmsKeyId]);
    try {
      const seen = await expectError(secrets.getSecretValue(byId(id)), corrupt);
      expect(seen.message).not.toContain("v1");
      const seals = [
        secrets.addSecretVersion({ ...byId(id), value: data("v2") }),
        secrets.createSecret({ name: newName(), value: data("v"), kmsKeyId }),
      ];
      // A key that claims another region is not even a key for this secret.
      for (const { reason } of await Promise.all(seals.map(errorOf))) {
        expect(["VALUE_CORRUPT", "FIELD_INVALID"]).toContain(reason);
      }
    } finally {
      await coffer.sql(`update kms_key set ${back} where kms_key_id = $1`, [kmsKeyId]);
    }
    expect(await readText(coffer, { id })).toBe("v1");
  });

  it("that coffer itself has disabled is KEY_NOT_ACTIVE: for reading and for sealing", async () => {
    const { id, kmsKeyId } = await createSecret(coffer);
    const stored = present(await findKmsKey(coffer.deps.database, (await workspaceOf(id)) as string, { kmsKeyId }));
    const mac = macOf(coffer.deps.deploymentKeys, coveredOfKmsKey({ ...stored, state: "DISABLED" }));
    await coffer.sql("update kms_key set state = 'DISABLED', mac = $2 where kms_key_id = $1", [kmsKeyId, mac]);
    const notActive = {
      code: "FailedPrecondition",
      reason: "KEY_NOT_ACTIVE",
      metadata: { kms_key_id: kmsKeyId, state: "DISABLED" },
    };
    const { secrets } = coffer.clients();
    try {
      await expectError(secrets.getSecretValue(byId(id)), notActive);
      await expectError(secrets.addSecretVersion({ ...byId(id), value: data("v2") }), notActive);
      await expectError(secrets.createSecret({ name: newName(), value: data("v") }), notActive);
    } finally {
      await coffer.sql("update kms_key set state = 'ACTIVE', mac = $2 where kms_key_id = $1", [kmsKeyId, stored.mac]);
    }
    expect(await readText(coffer, { id })).toBe("v1");
  });
});

async function workspaceOf(secretId: string): Promise<unknown> {
  const [row] = await coffer.sql("select workspace_id from secret where secret_id = $1", [secretId]);
  return row?.["workspace_id"];
}
