// AddSecretVersion writes the same rows in a statement that calls share as in a transaction, and each caller gets its own answer.
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { expectErrors } from "../support/errors.ts";
import { byId, createSecret, data, newName, present, readText, type SecretInit } from "../support/secrets.ts";

const coffer = useCoffer({ redisUrl: null });

let other: Client;
beforeAll(async () => {
  other = new Client(coffer.databaseUrl);
  await other.connect();
});
afterAll(() => other.end());

function add(id: string, text: string, key?: string, expectedCurrentVersion?: number) {
  const request = {
    ...byId(id),
    value: data(text),
    comment: "c",
    ...(expectedCurrentVersion === undefined ? {} : { expectedCurrentVersion }),
  };
  const call = coffer
    .clients()
    .secrets.addSecretVersion(request, key === undefined ? {} : { headers: { "idempotency-key": key } });
  return call.then(({ version }) => present(version));
}

/** Holds a lock on the secret's row while `work` runs, for `heldMs`. */
async function whileLocked<T>(
  id: string,
  heldMs: number,
  work: () => Promise<T>,
  change = "last_accessed_time = now()",
): Promise<T> {
  await other.query("begin");
  await other.query(`update secret set ${change} where secret_id = $1`, [id]);
  const running = work();
  await sleep(heldMs);
  await other.query("commit");
  return running;
}

/** The columns that differ between two secrets. */
const ownColumns = [
  ...["secret_id", "version_id", "event_id", "request_id", "resource_id", "key", "fingerprint", "name", "path"],
  ...["mac", "row_mac", "credential_mac", "egress_mac", "envelope", "xact", "last_accessed_time"],
];

async function rowsOf(secretId: string, versionId: string) {
  const tables = {
    secret: ["secret_id", secretId],
    secret_version: ["version_id", versionId],
    audit_event: ["resource_id", versionId],
    idempotency: ["resource_id", versionId],
  } as const;
  const entries = Object.entries(tables).map(async ([table, [column, id]]) => {
    const rows = await coffer.sql(`select * from ${table} where ${column} = $1`, [id]);
    return [table, rows.map(shown)] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function shown(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => {
      const isOwn = ownColumns.includes(column) || value instanceof Date;
      return [column, isOwn ? (value === null ? null : "has a value") : value];
    }),
  );
}

/** Rows that one statement inserted have the same command number in their transaction. */
async function isOneStatement(versionId: string): Promise<unknown> {
  const [row] = await coffer.sql(
    "select a.cmin = v.cmin as same from audit_event a join secret_version v on v.version_id = a.resource_id where v.version_id = $1",
    [versionId],
  );
  return row?.["same"];
}

const egress = { auth: { type: "bearer" }, hosts: ["api.example.com"] };
const secretsToChange: Readonly<Record<string, SecretInit>> = {
  "nothing but a value": {},
  "texts and an egress rule": { description: "shown", labels: { team: "a", b: "c" }, mimeType: "text/plain", egress },
  "a credential": { kind: "cloudflare_api", value: data("0123456789abcdef0123456789abcdef01234567") },
};

describe("a new version", () => {
  it.each(Object.entries(secretsToChange))(
    "of %s has the same rows whichever way it is written",
    async (_, request) => {
      const text = "abcdefgh0123456789abcdef0123456789abcdef";
      const [first, second] = [await createSecret(coffer, request), await createSecret(coffer, request)];
      // Both rows have the column that the lock sets.
      for (const { id } of [first, second]) await whileLocked(id, 0, async () => {});
      const shared = await add(first.id, text, newName("key"));
      // The shared statement does not wait that long.
      const alone = await whileLocked(second.id, 400, () => add(second.id, text, newName("key")));
      expect(await isOneStatement(shared.id)).toBe(true);
      expect(await isOneStatement(alone.id)).toBe(false);
      const rows = await rowsOf(first.id, shared.id);
      expect(Object.values(rows).map((each) => each.length)).toEqual([1, 1, 1, 1]);
      expect(await rowsOf(second.id, alone.id)).toEqual(rows);
      for (const { id } of [first, second]) expect(await readText(coffer, { id })).toBe(text);
    },
  );

  it("is written at once after a short wait for a change that leaves the secret as it was read", async () => {
    const { id } = await createSecret(coffer);
    const others = await Promise.all(Array.from({ length: 3 }, () => createSecret(coffer)));
    const versions = await whileLocked(id, 100, () =>
      Promise.all([add(id, "v2"), ...others.map((secret) => add(secret.id, "v2"))]),
    );
    for (const [index, secret] of [{ id }, ...others].entries()) {
      expect(await isOneStatement(versions[index]?.id ?? "")).toBe(true);
      expect(await readText(coffer, secret)).toBe("v2");
    }
  });

  it("is written in a transaction, with one claim of its key, after a change of the secret", async () => {
    const { id } = await createSecret(coffer);
    const key = newName("key");
    const version = await whileLocked(id, 100, () => add(id, "v2", key), "revision = revision + 1");
    expect(await isOneStatement(version.id)).toBe(false);
    expect(await coffer.sql("select resource_id from idempotency where key = $1", [key])).toEqual([
      { resource_id: version.id },
    ]);
    expect((await add(id, "v2", key)).id).toBe(version.id);
  });

  it("is answered as a later read answers", async () => {
    const { id } = await createSecret(coffer);
    const added = await add(id, "v2");
    const { version } = await coffer.clients().secrets.getSecretVersion({ ...byId(id), version: "2" });
    expect(version).toEqual(added);
  });
});

describe("versions that are added at the same time", () => {
  it("to many secrets share transactions, and each is the second version of its own", async () => {
    const made = await Promise.all(Array.from({ length: 60 }, () => createSecret(coffer)));
    const versions = await Promise.all(made.map(({ id, name }) => add(id, name, newName("key"))));
    for (const [index, secret] of made.entries()) {
      expect(versions[index]).toMatchObject({ secretId: secret.id, versionNumber: 2 });
      expect(await readText(coffer, secret)).toBe(secret.name);
    }
    const [row] = await coffer.sql(
      "select count(*)::int as events, count(distinct xact)::int as transactions from audit_event where resource_id = any ($1)",
      [versions.map(({ id }) => id)],
    );
    expect(row).toMatchObject({ events: 60 });
    expect(Number(row?.["transactions"])).toBeLessThan(30);
  });

  it("to one secret have the next numbers, and each reads back as its own value", async () => {
    const { id } = await createSecret(coffer);
    const texts = Array.from({ length: 12 }, (_, index) => `text-${index}`);
    const versions = await Promise.all(texts.map((text) => add(id, text)));
    expect(versions.map(({ versionNumber }) => versionNumber).toSorted((a, b) => a - b)).toEqual(
      texts.map((_, index) => index + 2),
    );
    for (const [index, { versionNumber }] of versions.entries()) {
      expect(await readText(coffer, { id }, String(versionNumber))).toBe(texts[index]);
    }
  });

  it("with used keys and outdated expectations get their own answers", async () => {
    const made = await Promise.all(Array.from({ length: 30 }, () => createSecret(coffer)));
    const keys = made.map(() => newName("used"));
    const first = await Promise.all(made.slice(0, 20).map(({ id }, index) => add(id, "v2", keys[index], 1)));
    const replayed = made.slice(0, 10).map(({ id }, index) => add(id, "v2", keys[index], 1));
    const reused = made.slice(10, 20).map(({ id }, index) => add(id, "another", keys[index + 10], 2));
    const outdated = made.slice(20, 25).map(({ id }) => add(id, "v2", newName("key"), 7));
    const added = made.slice(25).map(({ id }) => add(id, "v2", newName("key"), 1));
    const refused = [
      expectErrors(reused, { reason: "IDEMPOTENCY_KEY_REUSED" }),
      expectErrors(outdated, { reason: "CURRENT_VERSION_MISMATCH" }),
    ];
    expect((await Promise.all(replayed)).map(({ id }) => id)).toEqual(first.slice(0, 10).map(({ id }) => id));
    await Promise.all([...refused, ...added]);
    const rows = await coffer.sql("select version_count from secret where secret_id = any ($1)", [
      made.map(({ id }) => id),
    ]);
    expect(rows.map((row) => Number(row["version_count"])).toSorted((a, b) => a - b)).toEqual([
      ...Array(5).fill(1),
      ...Array(25).fill(2),
    ]);
  });
});
