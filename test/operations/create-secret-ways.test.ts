// CreateSecret writes the same rows in one statement as in a transaction.
import { describe, expect, it } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { data, keyValues, newName, present, type SecretInit } from "../support/secrets.ts";
import { storageCredentials } from "../support/storage-credentials.ts";

const coffer = useCoffer();

/** Columns that differ from one secret to the next, whichever way it is written. */
const ownColumns = [
  ...["secret_id", "version_id", "event_id", "request_id", "resource_id", "key", "fingerprint", "name", "path"],
  ...["mac", "row_mac", "credential_mac", "egress_mac", "envelope", "xact"],
];

const tables = {
  secret: "secret_id = $1",
  secret_version: "secret_id = $1",
  audit_event: "resource_id = $1",
  idempotency: "resource_id = $1",
} as const;

/** All rows of a secret; of its own columns and of times only whether they have a value. */
async function rowsOf(id: string) {
  const entries = Object.entries(tables).map(async ([table, condition]) => {
    const rows = await coffer.sql(`select * from ${table} where ${condition}`, [id]);
    return [table, rows.map(shown)] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function shown(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => {
      const isOwn = ownColumns.includes(column) || value instanceof Date;
      return [column, isOwn && value !== null ? "has a value" : value];
    }),
  );
}

/** Rows that one statement inserted have the same command number in their transaction. */
async function isOneStatement(id: string): Promise<unknown> {
  const [row] = await coffer.sql(
    `select s.cmin = v.cmin as same from secret s join secret_version v on v.secret_id = s.secret_id where s.secret_id = $1`,
    [id],
  );
  return row?.["same"];
}

const { kind, authMethod, fields } = present(storageCredentials[0]);
const parts = Object.entries(fields).map(([name, text]) => [name, Buffer.from(text)] as const);
const egress = { auth: { type: "bearer" }, hosts: ["api.example.com"] };

const requests: Readonly<Record<string, SecretInit>> = {
  "nothing but a value": {},
  "texts, labels and an egress rule": {
    ...{ description: "shown", labels: { team: "a" }, annotations: { note: "b" }, mimeType: "text/plain" },
    ...{ revealable: false, egress },
  },
  "a credential": { kind, authMethod, value: keyValues(Object.fromEntries(parts)) },
};

describe("a new secret", () => {
  it.each(Object.entries(requests))("with %s has the same rows whichever way it is written", async (_, request) => {
    const create = async (tier: string) => {
      // A workspace with a quota must count its secrets, which takes a transaction.
      await coffer.sql("update workspace set tier = $1", [tier]);
      const headers = { "idempotency-key": newName("key") };
      const call = { name: newName(), value: data("v"), ...request };
      return present((await coffer.clients().secrets.createSecret(call, { headers })).secret).id;
    };
    const [alone, inTransaction] = [await create("ENTERPRISE"), await create("PRO")];
    expect(await isOneStatement(alone)).toBe(true);
    expect(await isOneStatement(inTransaction)).toBe(false);
    const rows = await rowsOf(alone);
    expect(Object.values(rows).map((each) => each.length)).toEqual([1, 1, 1, 1]);
    expect(await rowsOf(inTransaction)).toEqual(rows);
  });
});
