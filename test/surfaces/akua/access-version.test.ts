// POST :access of Akua's surface: the value of a version, on the real servers.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { accessAkua, createAkuaSecret, describeFailure, readAkua } from "../../support/akua.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { addVersion, byId, createSecret, data, keyValues, softDelete, unknownSecretId } from "../../support/secrets.ts";

const coffer = useCoffer();
const unknownVersionId = unknownSecretId.replace("sec_", "secv_");
const noVersion = { status: 404, reason: "VERSION_NOT_FOUND", paths: [] };

async function secretWithVersions(...values: string[]) {
  const [first = "", ...others] = values;
  const secret = await createSecret(coffer, { value: data(first) });
  const ids = [];
  for (const value of others) ids.push((await addVersion(coffer, secret, value)).id);
  const { version } = await coffer.clients().secrets.getSecretVersion({ ...byId(secret.id), version: "1" });
  return { id: secret.id, versionIds: [version?.id ?? "", ...ids] };
}

describe("succeeds", () => {
  it("by id, `latest`, alias and `current`, with the value alone, not to be cached", async () => {
    const { id, versionIds } = await secretWithVersions("one", "two", "three");
    await coffer.clients().secrets.updateSecret({ secret: { id, versionAliases: { stable: 2 } } });
    const asked = [...versionIds, "latest", "current", "stable"];
    const values = await Promise.all(asked.map((version) => readAkua(coffer, id, version)));
    expect(values).toEqual(["one", "two", "three", "three", "three", "two"]);
    const response = await accessAkua(coffer, id, "latest");
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.text()).toBe('{"value":"three"}');
  });

  it("`latest` and `current` are the newest enabled version, until an alias is named `current`", async () => {
    const { id } = await secretWithVersions("one", "two", "three");
    const { secrets } = coffer.clients();
    await secrets.disableSecretVersion({ ...byId(id), version: "3" });
    expect([await readAkua(coffer, id, "latest"), await readAkua(coffer, id, "current")]).toEqual(["two", "two"]);
    await secrets.updateSecret({ secret: { id, versionAliases: { current: 1 } } });
    expect([await readAkua(coffer, id, "latest"), await readAkua(coffer, id, "current")]).toEqual(["two", "one"]);
    const { version } = await secrets.getSecretVersion({ ...byId(id), version: "current" });
    expect(version?.versionNumber).toBe(1);
  });

  it.each(["\ufeffbegins with a byte order mark", "\u0000", "😀 ü", " \r\n"])(
    "gives %j back as it came",
    async (value) => {
      const { id } = await createAkuaSecret(coffer, { value });
      expect(await readAkua(coffer, id, "latest")).toBe(value);
    },
  );

  it("without what was given beside the value", async () => {
    const change = { kind: "cloud_provider/aws", value: "key", aws_access_key_id: "AKIA" };
    const { id } = await createAkuaSecret(coffer, change);
    expect(await (await accessAkua(coffer, id, "latest")).json()).toEqual({ value: "key" });
  });

  it("leaves one audit event with the version's number", async () => {
    const { id } = await secretWithVersions("one", "two");
    await readAkua(coffer, id, "latest");
    const events = await coffer.sql(
      "select decision, result, version_number from audit_event where resource_id = $1 and method like '%/Access%'",
      [id],
    );
    expect(events).toEqual([{ decision: "ALLOW", result: "OK", version_number: 2 }]);
  });
});

describe("conflicts", () => {
  it("with a disabled version: 409, and with a destroyed one: 410", async () => {
    const { id, versionIds } = await secretWithVersions("canary");
    const [versionId = ""] = versionIds;
    const { secrets } = coffer.clients();
    await secrets.disableSecretVersion({ ...byId(id), version: "1" });
    const disabled = await describeFailure(await accessAkua(coffer, id, versionId));
    expect(disabled).toMatchObject({ status: 409, reason: "VERSION_DISABLED", metadata: { version: "1" } });
    await secrets.destroySecretVersion({ ...byId(id), version: "1" });
    const destroyed = await describeFailure(await accessAkua(coffer, id, versionId));
    expect(destroyed).toMatchObject({ status: 410, reason: "VERSION_DESTROYED", metadata: { version: "1" } });
    expect(await describeFailure(await accessAkua(coffer, id, "latest"))).toMatchObject(noVersion);
  });

  it("with a value that is no text: 409, and nothing of it is shown", async () => {
    const bytes = new Uint8Array([0x63, 0x61, 0x6e, 0xff]);
    const values = [{ case: "data", value: bytes } as const, keyValues({ user: bytes }), keyValues({ value: bytes })];
    for (const value of values) {
      const { id } = await createSecret(coffer, { value });
      const failure = await describeFailure(await accessAkua(coffer, id, "latest"));
      expect(failure).toMatchObject({ status: 409, reason: "VALUE_FORM_UNSUPPORTED", metadata: { id } });
      expect(failure.text).not.toContain("can\ufffd");
    }
  });
});

describe("rejects", () => {
  it("versions that are not there: 404, whatever their names are like", async () => {
    const { id } = await secretWithVersions("one");
    const { versionIds } = await secretWithVersions("another's");
    const names = [
      unknownVersionId,
      ...versionIds,
      "no-alias",
      "1",
      "0",
      "Latest",
      "secv_",
      "x".repeat(128),
      "constructor",
    ];
    for (const version of names) {
      expect(await describeFailure(await accessAkua(coffer, id, version))).toMatchObject(noVersion);
    }
  });

  it("ids that are too long: 400", async () => {
    const { id } = await secretWithVersions("one");
    const invalid = { status: 400, reason: "FIELD_INVALID" };
    const long = await describeFailure(await accessAkua(coffer, "x".repeat(55), "x".repeat(129)));
    expect(long).toMatchObject({ ...invalid, paths: ["id", "vid"] });
    const init = { method: "POST", json: { id, value: "x" } };
    const body = await describeFailure(await coffer.fetch(`/v1/secrets/${id}/versions/latest:access`, init));
    expect(body).toMatchObject({ status: 400, reason: "REQUEST_MALFORMED" });
    const get = await coffer.fetch(`/v1/secrets/${id}/versions/latest:access`);
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("unknown, foreign and soft-deleted secrets alike: 404", async () => {
    const { id, versionIds } = await secretWithVersions("one");
    const other = await otherWorkspace(coffer);
    await softDelete(coffer, { id });
    const failures = await Promise.all(
      [
        accessAkua(coffer, unknownSecretId, "latest"),
        accessAkua(coffer, "sec", "latest"),
        accessAkua(coffer, id, "latest", other.ownerToken),
        accessAkua(coffer, id, "latest"),
        accessAkua(coffer, id, versionIds[0] ?? ""),
      ].map(async (response) => describeFailure(await response)),
    );
    for (const { status, reason, text } of failures) {
      expect({ status, reason, text }).toEqual({ status: 404, reason: "SECRET_NOT_FOUND", text: failures[0]?.text });
    }
  });
});

describe("denies", () => {
  it("no token with 401, a role that may only look with 403", async () => {
    const { id } = await secretWithVersions("one");
    const missing = { status: 401, reason: "CREDENTIAL_MISSING" };
    expect(await describeFailure(await accessAkua(coffer, id, "latest", null))).toMatchObject(missing);
    const viewer = await coffer.tokenWithRole(Role.VIEWER);
    expect(await describeFailure(await accessAkua(coffer, id, "latest", viewer))).toMatchObject({
      status: 403,
      reason: "PERMISSION_MISSING",
      metadata: { permission: "versions.access" },
    });
  });
});
