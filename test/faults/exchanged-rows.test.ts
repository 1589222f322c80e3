// SQL exchanges rows whose values were read many times before, and puts older copies back: the rows as they are now decide.
import { describe, expect, it } from "vitest";
import { byId, newName } from "../support/secrets.ts";
import { useWarmSecrets, type Victim, waysByVersion } from "../support/warm-secrets.ts";

const { coffer, create, warm, outcomes } = useWarmSecrets();

type Row = Readonly<Record<string, string | number>>;

function isRow(alias: string, row: Row): string {
  return Object.entries(row)
    .map(([column, value]) => `${alias}.${column} = '${value}'`)
    .join(" and ");
}

/** Exchanges columns of two rows. */
async function swap(table: string, names: readonly string[], one: Row, other: Row): Promise<void> {
  const places = `(${isRow("a", one)} and ${isRow("b", other)}) or (${isRow("a", other)} and ${isRow("b", one)})`;
  const assigned = names.map((name) => `${name} = b.${name}`).join(", ");
  const rows = await coffer.sql(`update ${table} a set ${assigned} from ${table} b where ${places} returning 1`);
  expect(rows).toHaveLength(2);
}

const contents = ["payload_form", "envelope", "kms_key_id", "kms_key_version"];

describe("rows that were read before, and then exchanged", () => {
  it.each([
    ["the envelopes of two versions", ["envelope"]],
    ["the envelopes of two versions and all that they are bound to", contents],
    ["the MACs of two versions", ["mac"]],
    ["the whole contents of two versions with their MACs", [...contents, "state", "vault_connection_id", "mac"]],
  ])("(%s, of one secret and of two) let no value leave", async (_what, names) => {
    const [one, two] = [await create(), await create()];
    const current = { secret_id: one.id, version_number: 2 };
    for (const other of [
      { secret_id: one.id, version_number: 1 },
      { secret_id: two.id, version_number: 2 },
    ]) {
      await swap("secret_version", names, current, other);
      expect(await outcomes(one)).toEqual(new Set(["VALUE_CORRUPT"]));
      if (other.secret_id === two.id) expect(await outcomes(two)).toEqual(new Set(["VALUE_CORRUPT"]));
      await swap("secret_version", names, current, other);
      await warm(one);
      await warm(two);
    }
  });

  it("(the MACs of two secrets, and of two keys) let no value leave", async () => {
    const [one, two] = [await create(), await create()];
    const swaps = [
      () => swap("secret", ["row_mac"], { secret_id: one.id }, { secret_id: two.id }),
      () => swap("kms_key", ["mac"], { kms_key_id: one.keyId }, { kms_key_id: two.keyId }),
    ];
    for (const swapMacs of swaps) {
      await swapMacs();
      for (const victim of [one, two]) expect(await outcomes(victim)).toEqual(new Set(["VALUE_CORRUPT"]));
      await swapMacs();
      for (const victim of [one, two]) await warm(victim);
    }
  });

  it("(the names of two secrets with their MACs) let no value leave under the name of the other", async () => {
    const [one, two] = [await create(), await create()];
    const take = (from: Victim, to: string) =>
      coffer.sql("update secret set name = $2, path = '/' || $2 where secret_id = $1", [from.id, to]);
    const rename = async (ofOne: string, ofTwo: string) => {
      await take(one, "app/free");
      await take(two, ofTwo);
      await take(one, ofOne);
    };
    await rename(two.name, one.name);
    for (const victim of [one, two]) expect(await outcomes(victim)).toEqual(new Set(["VALUE_CORRUPT"]));
    await swap("secret", ["row_mac"], { secret_id: one.id }, { secret_id: two.id });
    for (const victim of [one, two]) expect(await outcomes(victim)).toEqual(new Set(["VALUE_CORRUPT"]));
    await swap("secret", ["row_mac"], { secret_id: one.id }, { secret_id: two.id });
    await rename(one.name, two.name);
    for (const victim of [one, two]) await warm(victim);
  });
});

/** Stores a copy of a row, and returns what puts it back. */
async function copyOf(table: string, row: Row): Promise<() => Promise<void>> {
  const copy = newName("copy").replaceAll("-", "_");
  await coffer.sql(`create table ${copy} as select * from ${table} where ${isRow(table, row)}`);
  return async () => {
    await coffer.sql(`delete from ${table} where ${isRow(table, row)}`);
    await coffer.sql(`insert into ${table} select * from ${copy}`);
  };
}

// An older copy of a row with its MAC counts as valid (SECURITY.md), also when newer copies of it were read meanwhile.
describe("an older copy of a row, put back after newer ones were read", () => {
  it("decides as it says: a version, a key and a secret that were disabled or deleted then", async () => {
    const victim = await create();
    const { secrets, keys } = coffer.clients();
    const version = { ...byId(victim.id), version: "2" };
    const key = { id: victim.keyId };
    for (const [table, row, stop, start, reason] of [
      [
        "secret_version",
        { secret_id: victim.id, version_number: 2 },
        () => secrets.disableSecretVersion(version),
        () => secrets.enableSecretVersion(version),
        "VERSION_DISABLED",
      ],
      [
        "kms_key",
        { kms_key_id: victim.keyId },
        () => keys.disableKey(key),
        () => keys.enableKey(key),
        "KEY_NOT_ACTIVE",
      ],
      [
        "secret",
        { secret_id: victim.id },
        () => secrets.deleteSecret(byId(victim.id)),
        () => secrets.undeleteSecret({ id: victim.id }),
        "SECRET_NOT_FOUND",
      ],
    ] as const) {
      // Disabling the current version makes an older one the current one.
      const read = async () => await outcomes(victim, waysByVersion(victim));
      await stop();
      const putStopped = await copyOf(table, row);
      expect(await read()).toEqual(new Set([reason]));
      await start();
      const putStarted = await copyOf(table, row);
      for (let times = 0; times < 3; times++) expect(await read()).toEqual(new Set([victim.text]));
      await putStopped();
      expect(await read()).toEqual(new Set([reason]));
      await putStarted();
      expect(await read()).toEqual(new Set([victim.text]));
    }
  });

  it("is refused in part: an older current version with its MAC, but newer aliases", async () => {
    const victim = await create();
    const [older] = await coffer.sql("select current_version, row_mac from secret where secret_id = $1", [victim.id]);
    const secret = { id: victim.id, versionAliases: { live: 2, old: 1 } };
    await coffer.clients().secrets.updateSecret({ secret });
    await warm(victim);
    const put = "update secret set row_mac = $2 where secret_id = $1 returning row_mac";
    const [newer] = await coffer.sql("select row_mac from secret where secret_id = $1", [victim.id]);
    await coffer.sql(put, [victim.id, older?.["row_mac"]]);
    expect(await outcomes(victim)).toEqual(new Set(["VALUE_CORRUPT"]));
    await coffer.sql(put, [victim.id, newer?.["row_mac"]]);
    await warm(victim);
  });
});
