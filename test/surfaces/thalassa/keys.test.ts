// The keys of Thalassa Cloud's surface: made, listed, rotated, disabled, deleted and brought back.
import { describe, expect, it } from "vitest";
import { useCoffer } from "../../support/coffer.ts";
import { newName } from "../../support/secrets.ts";
import {
  base64,
  createThalassa,
  keysUrl,
  newSecretBody,
  organisationOf,
  readThalassa,
  secretsUrl,
  secretUrl,
  type ThalassaSecret,
  thalassa,
  thalassaEnv,
} from "../../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });

interface Key extends Record<string, unknown> {
  identity: string;
  name: string;
  status: string;
  currentVersion: number;
}

const create = (change: object = {}) =>
  thalassa<Key & { message: string }>(coffer, `POST ${keysUrl}`, { json: { name: newName("key"), ...change } });

async function made(change: object = {}): Promise<Key> {
  const { status, body } = await create(change);
  expect(status).toBe(201);
  return body;
}

const change = (request: string, json?: object) => thalassa<Key & { message: string }>(coffer, request, { json });
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
const texts = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, "v"]));

describe("a new key", () => {
  it("is shown with all that is known of it", async () => {
    const name = newName("key");
    const key = await made({ name, labels: { team: "a" } });
    expect(key).toEqual({
      identity: expect.stringMatching(/^kms_[0-9a-z]{26}$/),
      name,
      slug: name,
      keyType: "aes256-gcm96",
      status: "active",
      currentVersion: 1,
      latestVersion: 1,
      versions: [{ version: 1, status: "active", createdAt: time }],
      labels: { team: "a" },
      annotations: {},
      projectId: await organisationOf(coffer),
      exportAllowed: false,
      imported: false,
      keyRotationEnabled: false,
      createdAt: time,
      updatedAt: time,
      region: { identity: "nl-01", name: "nl-01", slug: "nl-01" },
      objectVersion: 1,
    });
    for (const identity of [key.identity, name]) {
      expect(await thalassa(coffer, `GET ${keysUrl}/${identity}`)).toMatchObject({ status: 200, body: key });
    }
  });

  it.each(["aes128-gcm96", "aes256-gcm96", "chacha20-poly1305"])("of the type %s seals and opens", async (keyType) => {
    const { identity, ...key } = await made({ keyType });
    expect(key["keyType"]).toBe(keyType);
    const { path } = await createThalassa(coffer, { kmsKeyIdentity: identity });
    expect(await readThalassa(coffer, path)).toBe("v1");
  });

  it.each<[string, object]>([
    ["a period of 1 day", { rotationPeriodInDays: 1 }],
    ["a period of 3,650 days", { rotationPeriodInDays: 3650, keyRotationEnabled: true }],
  ])("may have %s", async (_, rotation) => {
    expect(await made(rotation)).toMatchObject({ ...rotation, keyRotationEnabled: true, nextRotationAt: time });
  });

  it.each<[string, object]>([
    ["a name of 63 characters", { name: `k${"n".repeat(62)}` }],
    ["64 labels", { labels: texts(64) }],
    ["a description of 1,024 characters", { description: "d".repeat(1024) }],
    ["annotations", { annotations: { "a b": "c" } }],
    ["leave to be exported", { exportAllowed: true }],
    ["no rotation", { keyRotationEnabled: false }],
  ])("may have %s", async (_, fields) => {
    const { keyRotationEnabled } = { keyRotationEnabled: false, ...fields };
    const key = await made(fields);
    expect(key).toMatchObject({ ...fields, status: "active", currentVersion: 1, keyRotationEnabled });
    expect((await thalassa(coffer, `GET ${keysUrl}/${key.identity}`)).body).toEqual(key);
  });

  const otherTypes = ["rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519"];
  const macTypes = ["hmac", "hmac-sha256", "hmac-sha512"];
  it.each([...otherTypes, ...macTypes])("may have the type %s, and then wraps no secret", async (keyType) => {
    const { identity, ...key } = await made({ keyType });
    expect(key["keyType"]).toBe(keyType);
    const { status, body } = await thalassa<{ message: string }>(coffer, `POST ${secretsUrl}`, {
      json: newSecretBody({ kmsKeyIdentity: identity }),
    });
    expect([status, body.message]).toEqual([400, expect.stringMatching(/^kmsKeyIdentity: .*aes256-gcm96/)]);
  });

  it("may have a name with spaces, which is in URLs and secrets called by its slug too", async () => {
    const name = `${newName("key")} two  words`;
    const slug = name.replaceAll(" ", "-");
    const key = await made({ name });
    expect(key).toMatchObject({ name, slug });
    for (const identity of [slug, encodeURIComponent(name)]) {
      expect((await thalassa(coffer, `GET ${keysUrl}/${identity}`)).body).toEqual(key);
    }
    for (const kmsKeyIdentity of [slug, name]) {
      expect((await createThalassa(coffer, { kmsKeyIdentity })).kmsKey).toMatchObject({ identity: key.identity, slug });
    }
    expect((await create({ name: slug })).status).toBe(409);
  });

  it.each<[object, string]>([
    ...["rsa-1024", "", "AES256-GCM96"].map((keyType): [object, string] => [{ keyType }, "keyType"]),
    [{ name: undefined }, "name"],
    [{ name: "" }, "name"],
    [{ name: "a " }, "name"],
    [{ name: "a\tb" }, "name"],
    [{ name: "n".repeat(64) }, "name"],
    [{ rotationPeriodInDays: 0 }, "rotationPeriodInDays"],
    [{ rotationPeriodInDays: 3651 }, "rotationPeriodInDays"],
    [{ keyRotationEnabled: true }, "rotationPeriodInDays"],
    [{ keyRotationEnabled: false, rotationPeriodInDays: 5 }, "rotationPeriodInDays"],
    [{ labels: texts(65) }, "labels"],
    [{ description: "x".repeat(1025) }, "description"],
    [{ annotations: { a: "b".repeat(16_384) } }, "annotations"],
    [{ hashFunction: "sha256" }, "hashFunction"],
    [{ allowRotation: true }, "allowRotation"],
    [{ hashFunction: "md5" }, "hashFunction"],
    [{ importKeyMaterial: base64("x") }, "importKeyMaterial"],
    [{ importKeyMaterial: base64("x"), rotationPeriodInDays: 5 }, "rotationPeriodInDays"],
  ])("with %j is 400, and is not made", async (fields, field) => {
    const count = async () => (await coffer.sql("select count(*)::int as count from kms_key"))[0];
    const before = await count();
    const { status, body } = await create(fields);
    expect([status, body.message.split(": ")[0]]).toEqual([400, field]);
    expect(await count()).toEqual(before);
  });

  it("with a name that is taken in the region is 409", async () => {
    const { name } = await made();
    expect(await create({ name })).toMatchObject({ status: 409, body: { message: expect.stringContaining(name) } });
    expect((await thalassa(coffer, "POST /v1/kms/nl-02/keys", { json: { name } })).status).toBe(201);
  });
});

describe("an old key", () => {
  it("is rotated: older values stay readable, new ones take the new version", async () => {
    const { identity } = await made();
    const { path } = await createThalassa(coffer, { kmsKeyIdentity: identity });
    const rotated = await change(`POST ${keysUrl}/${identity}/rotate`);
    expect(rotated).toMatchObject({ status: 200, body: { currentVersion: 2, lastRotatedAt: time, objectVersion: 2 } });
    await change(`POST ${secretUrl(path)}/versions`, { secretString: base64("v2") });
    const read = async (version: number) => (await change(`POST ${secretUrl(path)}/value`, { version })).body;
    expect(await read(1)).toMatchObject({ kmsKeyVersion: "1", secretString: base64("v1") });
    expect(await read(2)).toMatchObject({ kmsKeyVersion: "2", secretString: base64("v2") });
  });

  it("is rotated by a job as often as it is told, or no longer", async () => {
    const { identity } = await made();
    const url = `PATCH ${keysUrl}/${identity}/rotation`;
    const on = await change(url, { rotationPeriodInDays: 3650 });
    expect(on).toMatchObject({ status: 200, body: { keyRotationEnabled: true, rotationPeriodInDays: 3650 } });
    const off = await change(url, { keyRotationEnabled: false });
    expect(off).toMatchObject({ status: 200, body: { keyRotationEnabled: false } });
    expect(off.body).not.toHaveProperty("rotationPeriodInDays");
    expect(off.body).not.toHaveProperty("nextRotationAt");
    for (const [json, field] of [
      [{}, "keyRotationEnabled"],
      [{ keyRotationEnabled: true }, "rotationPeriodInDays"],
      [{ rotationPeriodInDays: 0 }, "rotationPeriodInDays"],
      [{ rotationPeriodInDays: 3651 }, "rotationPeriodInDays"],
    ] as const) {
      const { status, body } = await change(url, json);
      expect([status, body.message.split(": ")[0]]).toEqual([400, field]);
    }
  });

  it("is disabled and enabled: values under it are 400 meanwhile", async () => {
    const { identity } = await made();
    const { path } = await createThalassa(coffer, { kmsKeyIdentity: identity });
    expect(await change(`POST ${keysUrl}/${identity}/disable`)).toMatchObject({ body: { status: "disabled" } });
    expect((await change(`POST ${secretUrl(path)}/value`)).status).toBe(400);
    expect((await change(`POST ${keysUrl}/${identity}/rotate`)).status).toBe(400);
    expect(await change(`POST ${keysUrl}/${identity}/enable`)).toMatchObject({ body: { status: "active" } });
    expect(await readThalassa(coffer, path)).toBe("v1");
  });

  it("is deleted in 30 days, unless that is taken back", async () => {
    const { identity } = await made();
    const { path } = await createThalassa(coffer, { kmsKeyIdentity: identity });
    const deleted = await change(`DELETE ${keysUrl}/${identity}`);
    expect(deleted).toMatchObject({ status: 200, body: { status: "pending_deletion", deletionScheduledAt: time } });
    const inDays = (Date.parse(String(deleted.body["deletionScheduledAt"])) - Date.now()) / 86_400_000;
    expect(inDays).toBeCloseTo(30, 2);
    expect((await change(`DELETE ${keysUrl}/${identity}`)).body).toEqual(deleted.body);
    for (const request of [`POST ${secretUrl(path)}/value`, `POST ${keysUrl}/${identity}/enable`]) {
      expect((await change(request)).status).toBe(400);
    }
    const back = await change(`DELETE ${keysUrl}/${identity}/cancel-deletion`);
    expect(back).toMatchObject({ status: 200, body: { status: "active" } });
    expect(back.body).not.toHaveProperty("deletionScheduledAt");
    expect(await readThalassa(coffer, path)).toBe("v1");
  });

  it("is brought back by POST too", async () => {
    const { identity } = await made();
    await change(`DELETE ${keysUrl}/${identity}`);
    const back = await change(`POST ${keysUrl}/${identity}/cancel-deletion`);
    expect(back).toMatchObject({ status: 200, body: { identity, status: "active" } });
  });

  it("shows its versions, and with a secret what is known of it", async () => {
    const key = await made();
    const { path } = await createThalassa(coffer, { kmsKeyIdentity: key.identity });
    const rotated = await change(`POST ${keysUrl}/${key.identity}/rotate`);
    expect(rotated.body).toMatchObject({
      latestVersion: 2,
      versions: [{ version: 1 }, { version: 2, status: "active" }],
    });
    const { body } = await change(`POST ${keysUrl}/${key.identity}/disable`);
    const kmsKey = {
      ...{ identity: key.identity, name: key.name, slug: key.name, keyType: "aes256-gcm96", status: "disabled" },
      ...{ createdAt: body["createdAt"], updatedAt: body["updatedAt"] },
    };
    expect((await thalassa(coffer, `GET ${secretUrl(path)}`)).body).toMatchObject({ kmsKey });
    const listed = await thalassa<ThalassaSecret[]>(coffer, `GET ${secretsUrl}?pathPrefix=${path}`);
    expect(listed.body.map((secret) => secret.kmsKey)).toEqual([kmsKey]);
    const level = await thalassa<{ secrets: ThalassaSecret[] }>(coffer, `GET ${secretsUrl}?path=/app/`);
    expect(level.body.secrets.find((secret) => secret.path === path)?.kmsKey).toEqual(kmsKey);
  });
});
