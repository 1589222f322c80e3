// POST, GET, DELETE and :undelete of Akua's secrets, on the real servers.
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import {
  akuaFailure,
  createAkuaSecret,
  deleteAkuaSecret,
  describeFailure,
  getAkuaSecret,
  undeleteAkuaSecret,
  validBody,
} from "../../support/akua.ts";
import { useCoffer } from "../../support/coffer.ts";
import { byId, createSecret, readText, unknownSecretId } from "../../support/secrets.ts";

const coffer = useCoffer();
const notFound = { status: 404, reason: "SECRET_NOT_FOUND", paths: [] };

describe("succeeds", () => {
  it.each([
    "cloud_provider/hcloud",
    "cloud_provider/aws",
    "cloud_provider/gcp",
    "cloud_provider/azure",
    "oci_registry",
    "cloudflare_api",
    "webhook_signing",
    "generic",
  ])("makes a secret of kind %s, whose value coffer.v1 reads and Akua's answer does not hold", async (kind) => {
    const value = `canary-value ${"ü".repeat(8)}`;
    const response = await coffer.fetch("/v1/secrets", { json: { ...validBody(), kind, value } });
    const text = await response.text();
    expect(response.status).toBe(201);
    expect(text).not.toContain("canary");
    expect(await readText(coffer, JSON.parse(text))).toBe(value);
  });

  it("takes everything at its largest", async () => {
    const change = {
      name: "n".repeat(200),
      description: "d".repeat(500),
      labels: { ["k".repeat(63)]: "v".repeat(200) },
    };
    expect(await createAkuaSecret(coffer, change)).toMatchObject(change);
    const sixteen = await createAkuaSecret(coffer, { kind: "webhook_signing", value: "😀".repeat(16) });
    expect(sixteen.validation).toBeNull();
  });

  it("takes an empty kind as none", async () => {
    expect(await createAkuaSecret(coffer, { kind: "" })).toMatchObject({ kind: "generic" });
  });

  it("takes null for what is left out", async () => {
    expect(await createAkuaSecret(coffer, { description: null, labels: null, kind: null })).toMatchObject({
      kind: "generic",
      labels: {},
    });
  });

  it("shows what coffer.v1 has set: media type, aliases, and times however far ahead", async () => {
    const { id } = await createSecret(coffer, {
      mimeType: "text/plain",
      expiration: { case: "expireTime", value: timestampFromDate(new Date("9999-12-31T00:00:00Z")) },
    });
    await coffer.clients().secrets.updateSecret({ secret: { id, versionAliases: { stable: 1 } } });
    expect(await getAkuaSecret(coffer, { id })).toMatchObject({
      mime_type: "text/plain",
      version_aliases: { stable: 1 },
      expire_time: 253_402_214_400,
    });
  });

  it("deletes with the etag bare or quoted, and answers with nothing", async () => {
    for (const quote of ["", '"']) {
      const secret = await createAkuaSecret(coffer);
      const response = await deleteAkuaSecret(coffer, { id: secret.id, etag: quote + secret.etag + quote });
      expect(response.status).toBe(204);
      expect(await response.text()).toBe("");
      expect((await getAkuaSecret(coffer, secret)).state).toBe("soft_deleted");
    }
  });

  it("deletes by force for good, what is soft-deleted already too", async () => {
    const secret = await createAkuaSecret(coffer);
    expect((await deleteAkuaSecret(coffer, secret, "?force=false")).status).toBe(204);
    const soft = await getAkuaSecret(coffer, secret);
    expect((await deleteAkuaSecret(coffer, soft, "?force=true")).status).toBe(204);
    const forced = await getAkuaSecret(coffer, secret);
    expect(forced).toMatchObject({ enabled_version_count: 0, version_count: 1, state: "soft_deleted" });
    expect(await describeFailure(await undeleteAkuaSecret(coffer, forced))).toMatchObject(notFound);
  });

  it("deletes by force with the scope that Akua's documents ask for", async () => {
    const secret = await createAkuaSecret(coffer);
    const token = await coffer.tokenWithRole(Role.ADMIN, ["secrets:write"]);
    const headers = { "if-match": secret.etag };
    const answer = await coffer.fetch(`/v1/secrets/${secret.id}?force=true`, { method: "DELETE", headers, token });
    expect(answer.status).toBe(204);
  });

  it("undeletes, and its value reads again", async () => {
    const secret = await createAkuaSecret(coffer, { value: "still here" });
    await deleteAkuaSecret(coffer, secret);
    const response = await undeleteAkuaSecret(coffer, await getAkuaSecret(coffer, secret));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: secret.id, state: "active" });
    expect(await readText(coffer, secret)).toBe("still here");
  });
});

describe("replays", () => {
  it("DELETE and :undelete with one key, though the etag has changed since", async () => {
    const secret = await createAkuaSecret(coffer);
    const remove = () =>
      coffer.fetch(`/v1/secrets/${secret.id}`, {
        method: "DELETE",
        headers: { "if-match": secret.etag, "idempotency-key": "delete-once" },
      });
    expect((await remove()).headers.get("idempotency-replayed")).toBeNull();
    const again = await remove();
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([204, "true"]);
    const { etag } = await getAkuaSecret(coffer, secret);
    const headers = { "if-match": etag, "idempotency-key": "undelete-once" };
    const undelete = () => coffer.fetch(`/v1/secrets/${secret.id}:undelete`, { method: "POST", headers });
    const first = await (await undelete()).json();
    const second = await undelete();
    expect([second.status, second.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
    expect(await second.json()).toEqual(first);
  });
});

describe("conflicts", () => {
  it("with an active secret of the same name: 409 with the blocking id", async () => {
    const { id, name } = await createAkuaSecret(coffer);
    expect(await akuaFailure(coffer, "/v1/secrets", { json: { ...validBody(), name } })).toMatchObject({
      status: 409,
      reason: "ALREADY_EXISTS",
      metadata: { id },
    });
  });

  it("with another request under the same idempotency key: 409, and nothing is changed", async () => {
    const headers = { "idempotency-key": "one-key" };
    const body = validBody();
    expect((await coffer.fetch("/v1/secrets", { json: body, headers })).status).toBe(201);
    const other = { ...validBody(), value: "canary" };
    const failure = await akuaFailure(coffer, "/v1/secrets", { json: other, headers });
    expect(failure).toMatchObject({ status: 409, reason: "IDEMPOTENCY_KEY_REUSED" });
    expect(failure.text).not.toContain("canary");
    expect(await coffer.sql("select 1 from secret where name = $1", [other.name])).toEqual([]);
  });

  it("with a stale if-match: 409 ABORTED with the current etag", async () => {
    const secret = await createAkuaSecret(coffer);
    const aborted = { status: 409, reason: "ABORTED", metadata: { reason: "ABORTED", etag: "1" } };
    for (const etag of ["2", '"2"', 'W/"2"', "x".repeat(256)]) {
      expect(await describeFailure(await deleteAkuaSecret(coffer, { id: secret.id, etag }))).toMatchObject(aborted);
    }
    await deleteAkuaSecret(coffer, secret);
    expect(await describeFailure(await undeleteAkuaSecret(coffer, secret))).toMatchObject({
      ...aborted,
      metadata: { reason: "ABORTED", etag: "2" },
    });
    expect((await getAkuaSecret(coffer, secret)).state).toBe("soft_deleted");
  });

  it("undeleting what is active: 409 with its id", async () => {
    const secret = await createAkuaSecret(coffer);
    expect(await describeFailure(await undeleteAkuaSecret(coffer, secret))).toMatchObject({
      status: 409,
      reason: "ALREADY_EXISTS",
      metadata: { id: secret.id },
    });
  });

  it("undeleting onto a name that was taken meanwhile: 409 with the blocking id", async () => {
    const secret = await createAkuaSecret(coffer);
    await deleteAkuaSecret(coffer, secret);
    const { id } = await createAkuaSecret(coffer, { name: secret.name });
    const deleted = await getAkuaSecret(coffer, secret);
    expect(await describeFailure(await undeleteAkuaSecret(coffer, deleted))).toMatchObject({
      status: 409,
      reason: "ALREADY_EXISTS",
      metadata: { id },
    });
  });
});

describe("rejects", () => {
  it("an unknown id, and DELETE of what is deleted: 404", async () => {
    const secret = await createAkuaSecret(coffer);
    await deleteAkuaSecret(coffer, secret);
    const unknown = { id: unknownSecretId, etag: "1" };
    for (const response of [
      await coffer.fetch(`/v1/secrets/${unknownSecretId}`),
      await deleteAkuaSecret(coffer, unknown),
      await undeleteAkuaSecret(coffer, unknown),
      await deleteAkuaSecret(coffer, await getAkuaSecret(coffer, secret)),
    ]) {
      expect(await describeFailure(response)).toMatchObject(notFound);
    }
  });

  it("to undelete after the purge time: 404", async () => {
    const { id } = await createSecret(coffer);
    await coffer.clients().secrets.deleteSecret(byId(id));
    await coffer.sql("update secret set purge_time = now() where secret_id = $1", [id]);
    const { etag } = await getAkuaSecret(coffer, { id });
    expect(await describeFailure(await undeleteAkuaSecret(coffer, { id, etag }))).toMatchObject(notFound);
  });
});

describe("denies", () => {
  it("no token and garbage with 401, a role without the permission with 403 that names it", async () => {
    const secret = await createAkuaSecret(coffer);
    const path = `/v1/secrets/${secret.id}`;
    expect(await akuaFailure(coffer, path, { token: null })).toMatchObject({
      status: 401,
      reason: "CREDENTIAL_MISSING",
    });
    expect(await akuaFailure(coffer, path, { token: "sk_akua_x" })).toMatchObject({
      status: 401,
      reason: "CREDENTIAL_INVALID",
    });
    const token = await coffer.tokenWithRole(Role.VIEWER);
    const headers = { "if-match": secret.etag };
    for (const [init, permission] of [
      [{ method: "DELETE", headers }, "secrets.delete"],
      [{ method: "POST", headers, at: ":undelete" }, "secrets.undelete"],
    ] as const) {
      const at = "at" in init ? init.at : "";
      expect(await akuaFailure(coffer, path + at, { ...init, token })).toMatchObject({
        status: 403,
        reason: "PERMISSION_MISSING",
        metadata: { permission },
      });
    }
    expect(await akuaFailure(coffer, "/v1/secrets", { json: validBody(), token })).toMatchObject({
      status: 403,
      metadata: { permission: "secrets.create" },
    });
    expect((await coffer.fetch(path, { token })).status).toBe(200);
  });
});
