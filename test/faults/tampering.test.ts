// The database's own words are not taken for it: what was moved or changed there is DATA_LOSS, on record, and shows nothing.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { otherWorkspace } from "../support/broad-token.ts";
import { startCoffer, type TestCoffer, useCoffer } from "../support/coffer.ts";
import { expectError } from "../support/errors.ts";
import { createKey } from "../support/keys.ts";
import { addVersion, byId, createSecret, data, readText } from "../support/secrets.ts";

const coffer = useCoffer();
const plaintext = "the-plaintext-of-the-victim";
/** `victim` has two versions; `other` is another secret; `foreign` is in another workspace. */
let victim = { id: "" };
let other = { id: "" };
let foreign = { id: "" };
let foreignToken = "";
beforeAll(async () => {
  const secret = await createSecret(coffer, { value: data(plaintext) });
  await addVersion(coffer, secret, `${plaintext}-2`);
  victim = secret;
  other = await createSecret(coffer, { value: data(`${plaintext}-other`) });
  foreignToken = (await otherWorkspace(coffer)).ownerToken;
  foreign = await createSecret(coffer, { value: data(`${plaintext}-foreign`) }, foreignToken);
  // Constraints and triggers would only hinder the attacker, so drop them.
  await coffer.sql(`alter table secret drop constraint secret_workspace_id_kms_key_id_fkey;
    alter table vault_connection drop constraint vault_connection_workspace_id_kms_key_id_fkey;
    alter table kms_key_version drop constraint kms_key_version_workspace_id_kms_key_id_fkey`);
  for (const table of tables) await coffer.sql(`create table saved_${table} as select * from ${table}`);
});

interface Outcome {
  status: number;
  reason: string;
  showsPlaintext: boolean;
  audited: string[];
}

const corrupt: Outcome = { status: 500, reason: "VALUE_CORRUPT", showsPlaintext: false, audited: ["VALUE_CORRUPT"] };
let requests = 0;

/** Reads a version as it stands in the database now. */
async function read(from: TestCoffer, { id }: { id: string }, version = "1", token?: string): Promise<Outcome> {
  const requestId = `tampered-${++requests}`;
  const response = await from.fetch("/coffer.v1.SecretService/GetSecretValue", {
    json: { id, version },
    headers: { "x-request-id": requestId },
    ...(token === undefined ? {} : { token }),
  });
  const text = await response.text();
  const [detail] = (JSON.parse(text) as { details?: { debug?: { reason?: string } }[] }).details ?? [];
  const events = await coffer.sql(
    "select result from audit_event where request_id = $1 order by event_time, event_id",
    [requestId],
  );
  return {
    status: response.status,
    reason: detail?.debug?.reason ?? /"?reason"?:\s*"(\w+)"/.exec(text)?.[1] ?? text,
    showsPlaintext: [plaintext, btoa(plaintext).slice(0, 20)].some((form) => text.includes(form)),
    // The last one: the statement that reads lets a value go before anybody has tried to open it.
    audited: events.slice(-1).map(({ result }) => String(result)),
  };
}

const tables = ["secret_version", "kms_key", "kms_key_version"];

/** Runs the change behind coffer's back, and undoes it afterwards. */
async function tampered<T>(change: string, values: unknown[], use: () => Promise<T>): Promise<T> {
  try {
    await coffer.sql(change, values);
    return await use();
  } finally {
    const back = tables.map((table) => `insert into ${table} select * from saved_${table}`);
    await coffer.sql(`truncate ${tables.join(", ")}; ${back.join("; ")}`);
  }
}

const of = (secret: { id: string }, version = 1) => `(secret_id = '${secret.id}' and version_number = ${version})`;
const envelopeOf = async (secret: { id: string }, version = 1) =>
  (await coffer.sql(`select envelope from secret_version where ${of(secret, version)}`))[0]?.["envelope"] as Buffer;
const setEnvelope = `update secret_version set envelope = $1 where secret_id = $2 and version_number = 1`;

describe("an envelope that was moved", () => {
  it.each<[string, () => { id: string }, number]>([
    ["from another version of the same secret", () => victim, 2],
    ["from another secret", () => other, 1],
    ["from another workspace", () => foreign, 1],
  ])("%s does not open", async (_where, source, version) => {
    const envelope = await envelopeOf(source(), version);
    const outcome = await tampered(setEnvelope, [envelope, victim.id], () => read(coffer, victim));
    expect(outcome).toEqual(corrupt);
  });

  it("together with its whole row does not open", async () => {
    const swap = `update secret_version set version_number = 5 - version_number where secret_id = '${victim.id}'`;
    expect(await tampered(swap, [], () => read(coffer, victim, "3"))).toEqual(corrupt);
  });

  it("does open where it belongs: the checks would see a difference", async () => {
    expect(await readText(coffer, victim, "1")).toBe(plaintext);
    const outcome = await read(coffer, victim);
    expect(outcome).toMatchObject({ status: 200, showsPlaintext: true, audited: ["OK"] });
  });
});

/** Returns the offsets of the fields of an envelope. */
function positionsOf(envelope: Buffer): Map<string, number> {
  const positions = new Map<string, number>();
  let at = 0;
  const field = (name: string, size: number) => {
    if (size > 1) positions.set(`the first byte of ${name}`, at).set(`the last byte of ${name}`, at + size - 1);
    else positions.set(`the ${name}`, at);
    at += size;
  };
  field("envelope version", 1);
  field("algorithm", 1);
  field("size of the key's id", 1);
  field("the key's id", envelope[at - 1] as number);
  field("the key's version", 4);
  field("the wrap salt", 32);
  field("the wrap commitment", 32);
  field("the wrap nonce", 12);
  field("size of the wrapped DEK", 1);
  const dekSize = envelope[at - 1] as number;
  field("the wrapped DEK", dekSize - 16);
  field("the wrapped DEK's tag", 16);
  field("the nonce", 12);
  field("the ciphertext's size", 4);
  field("the ciphertext", envelope.byteLength - at - 16);
  field("the ciphertext's tag", 16);
  return positions;
}

describe("an envelope of which one byte was changed", () => {
  it("does not open, whichever field the byte is in", async () => {
    const envelope = await envelopeOf(victim);
    const fields = positionsOf(envelope);
    const sample = Array.from({ length: 24 }, (_, index) => Math.floor((index * envelope.byteLength) / 24));
    const positions = new Set([...fields.values(), ...sample]);
    expect(positions.size).toBeGreaterThanOrEqual(40);
    const outcomes = await tampered("select 1", [], async () => {
      const seen: [number, Outcome][] = [];
      for (const position of positions) {
        const changed = Buffer.from(envelope);
        changed[position] = (changed[position] as number) ^ (1 << (position % 8));
        await coffer.sql(setEnvelope, [changed, victim.id]);
        seen.push([position, await read(coffer, victim)]);
      }
      return seen;
    });
    expect(outcomes).toEqual([...positions].map((position) => [position, corrupt]));
  });

  it("does not open when it was cut short or made longer", async () => {
    const envelope = await envelopeOf(victim);
    for (const size of [0, 1, 2, 40, 100, envelope.byteLength - 16, envelope.byteLength - 1]) {
      const outcome = await tampered(setEnvelope, [envelope.subarray(0, size), victim.id], () => read(coffer, victim));
      expect([size, outcome]).toEqual([size, corrupt]);
    }
    const longer = Buffer.concat([envelope, Buffer.alloc(1)]);
    expect(await tampered(setEnvelope, [longer, victim.id], () => read(coffer, victim))).toEqual(corrupt);
  });
});

describe("a column beside the envelope that was changed", () => {
  it.each([
    ["the form of the payload", "update secret_version set payload_form = 'key_values' where secret_id = $1"],
    ["the number of the key's version", "update secret_version set kms_key_version = 2 where secret_id = $1"],
    ["the algorithm of the key", "update kms_key set algorithm = 'aes128-gcm96' where $1 <> ''"],
    ["the state of the key", "update kms_key set state = 'DISABLED' where $1 <> ''"],
    [
      "the key",
      "update secret_version set kms_key_id = (select kms_key_id from secret where secret_id = '%foreign%') where secret_id = $1",
    ],
  ])("(%s) is noticed", async (_column, change) => {
    const statement = change.replace("%foreign%", foreign.id);
    expect(await tampered(statement, [victim.id], () => read(coffer, victim))).toEqual(corrupt);
  });
});

describe("the key that a secret is bound to, swapped for another active one", () => {
  it("opens nothing and takes nothing, until it is as it was", async () => {
    const swap = async (kmsKeyId: unknown) =>
      coffer.sql("update secret set kms_key_id = $2 where secret_id = $1 returning kms_key_id", [victim.id, kmsKeyId]);
    const [before] = await coffer.sql("select kms_key_id from secret where secret_id = $1", [victim.id]);
    await swap((await createKey(coffer)).id);
    expect(await read(coffer, victim)).toEqual(corrupt);
    await expectError(coffer.clients().secrets.addSecretVersion({ ...byId(victim.id), value: data("v3") }), {
      code: "DataLoss",
      reason: "VALUE_CORRUPT",
    });
    await swap(before?.["kms_key_id"]);
    expect(await read(coffer, victim)).toMatchObject({ status: 200, audited: ["OK"] });
  });
});

describe("the material of two keys, swapped", () => {
  let fresh: TestCoffer;
  afterAll(() => fresh.close());

  it("opens nothing for an instance that has not seen the keys before", async () => {
    fresh = await startCoffer({ besides: coffer, env: {} });
    const swap = `update kms_key_version a set wrapped_key = b.wrapped_key, root_key_id = b.root_key_id
      from kms_key_version b where a.workspace_id <> b.workspace_id`;
    await tampered(swap, [], async () => {
      expect(await read(fresh, victim)).toEqual(corrupt);
      expect(await read(fresh, foreign, "1", foreignToken)).toEqual(corrupt);
    });
    expect(await read(fresh, victim)).toMatchObject({ status: 200, audited: ["OK"] });
  });
});
