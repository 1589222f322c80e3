// Secrets that are created together: each caller gets its own answer, whatever becomes of the others in its statement.
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { beforeAll, describe, expect, it } from "vitest";
import { CofferError } from "../../src/domain/error/errors.ts";
import type { Caller } from "../../src/domain/workspace/caller.ts";
import { type CreateSecretInput, createSecret } from "../../src/operations/secrets/create.ts";
import { callerIn } from "../support/callers.ts";
import { useCoffer } from "../support/coffer.ts";
import { newName, present } from "../support/secrets.ts";

// Without Redis nothing delays a call with an idempotency key: all calls of a test come in one turn.
const coffer = useCoffer({ redisUrl: null });

let workspaceId: string;
let workspaces = 0;
beforeAll(async () => {
  const [row] = await coffer.sql("select workspace_id from workspace");
  workspaceId = String(row?.["workspace_id"]);
  await coffer.sql("alter table secret add constraint not_broken check (description <> 'broken')");
  await create(newName());
});

const value = () => ({ field: "value", case: "data" as const, data: Buffer.from("v1") });

function create(
  name: string,
  own: Partial<Caller> = {},
  input: Partial<CreateSecretInput> = {},
  workspace = workspaceId,
) {
  return createSecret(coffer.deps, callerIn(workspace, own), { name, value: value(), ...input });
}

/** `request` stands for the bytes of the request. */
const withKey = (key: string, request = "r") => ({
  idempotency: { key, fingerprint: new Uint8Array(32).fill(request.charCodeAt(0)) },
});

/** The id of the secret that a call made, `=` and the id that it replayed, or the reason or constraint of its error. */
async function outcomeOf(call: ReturnType<typeof create>): Promise<string> {
  try {
    const { resource, replayed } = await call;
    return `${replayed ? "=" : ""}${resource.secretId}`;
  } catch (error) {
    if (error instanceof CofferError) return error.reason;
    return (error as { constraint?: string }).constraint ?? String(error);
  }
}

const outcomesOf = (calls: ReturnType<typeof create>[]) => Promise.all(calls.map(outcomeOf));

/** The secrets with these ids that have everything that belongs to them, once. */
async function wholeSecrets(ids: readonly string[]): Promise<string[]> {
  const rows = await coffer.sql(
    `select s.secret_id from secret s
      where s.secret_id = any ($1)
        and (select count(*) from secret_version v where v.secret_id = s.secret_id) = 1
        and (select count(*) from audit_event a where a.resource_id = s.secret_id and a.result = 'OK') = 1`,
    [ids],
  );
  return rows.map((row) => String(row["secret_id"]));
}

/** How many rows of each kind there are, and how many transactions wrote the audit events. */
async function countRows() {
  const [row] = await coffer.sql(
    `select (select count(*) from secret) as secrets, (select count(*) from secret_version) as versions,
      (select count(*) from audit_event where result = 'OK') as events, (select count(*) from idempotency) as keys,
      (select count(distinct xact) from audit_event) as transactions`,
  );
  return Object.fromEntries(Object.entries(present(row)).map(([name, count]) => [name, Number(count)]));
}

async function rowsAddedBy<T>(work: () => Promise<T>): Promise<[T, Record<string, number>]> {
  const before = await countRows();
  const result = await work();
  const after = await countRows();
  return [
    result,
    Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)])),
  ];
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("200 creates in one turn", () => {
  it("share two transactions if nothing is wrong with any of them", async () => {
    const [outcomes, added] = await rowsAddedBy(() =>
      outcomesOf(range(200).map((index) => create(newName(), index % 2 === 0 ? withKey(newName("key")) : {}))),
    );
    expect(await wholeSecrets(outcomes)).toHaveLength(200);
    expect(added).toEqual({ secrets: 200, versions: 200, events: 200, keys: 100, transactions: 2 });
  });

  it.each([
    ["", 0],
    [" and one row breaks a constraint", 1],
  ])("get each their own answer when names and keys are taken%s", async (_, brokenCount) => {
    const taken = range(50).map(() => newName("taken"));
    const usedKeys = range(20).map(() => newName("used"));
    const first = await outcomesOf(
      usedKeys.map((key, index) => create(`first-${key}`, withKey(key), { description: `${index}` })),
    );
    await outcomesOf(taken.map((name) => create(name)));
    const expired = range(5).map(() => newName("expired"));
    const soon = { expiration: { afterMs: 1 } };
    await outcomesOf(expired.map((name) => create(name, {}, soon)));
    await sleep(50);
    const rival = newName("rival");

    const calls = [
      ...taken.map((name) => () => create(name, withKey(newName("key")))),
      ...usedKeys.slice(0, 10).map((key) => () => create(`first-${key}`, withKey(key))),
      ...usedKeys.slice(10).map((key) => () => create(newName(), withKey(key, "another request"))),
      ...expired.map((name) => () => create(name)),
      ...range(5).map(() => () => create(rival)),
      ...range(brokenCount).map(() => () => create(newName(), withKey(newName("key")), { description: "broken" })),
      ...range(120 - brokenCount).map((index) => () => create(newName(), index % 2 ? withKey(newName("key")) : {})),
    ];
    expect(calls).toHaveLength(200);
    const [outcomes, added] = await rowsAddedBy(() => outcomesOf(calls.map((call) => call())));

    const next = (count: number) => outcomes.splice(0, count);
    expect(next(50)).toEqual(taken.map(() => "NAME_TAKEN"));
    expect(next(10)).toEqual(first.slice(0, 10).map((id) => `=${id}`));
    expect(next(10)).toEqual(range(10).map(() => "IDEMPOTENCY_KEY_REUSED"));
    const ofExpired = next(5);
    const ofRivals = next(5).toSorted();
    expect(ofRivals.slice(0, 4)).toEqual(range(4).map(() => "NAME_TAKEN"));
    expect(next(brokenCount)).toEqual(range(brokenCount).map(() => "not_broken"));
    const made = [...ofExpired, ...ofRivals.slice(4), ...outcomes];
    expect(await wholeSecrets(made)).toHaveLength(126 - brokenCount);
    expect(added).toMatchObject({
      secrets: 126 - brokenCount,
      versions: 126 - brokenCount,
      keys: Math.floor((120 - brokenCount) / 2),
    });
    // Five of expiry.
    expect(added["events"]).toBe(126 - brokenCount + 5);
  });
});

describe("a create that shares a statement", () => {
  it("with the same key and another call's request is one secret", async () => {
    const key = newName("key");
    const name = newName();
    const [first, ...others] = await outcomesOf(range(20).map(() => create(name, withKey(key))));
    expect(others).toEqual(others.map(() => `=${first}`));
  });

  it("is not written if its deadline has passed, and the others are", async () => {
    const late = newName("late");
    const progress = () => ({
      deadlineMs: performance.now() - 1,
      isOutcomeOpen: false,
      signal: new AbortController().signal,
    });
    const [first, outcome, last] = await outcomesOf([
      create(newName()),
      create(late, { progress: progress() }),
      create(newName()),
    ]);
    expect(outcome).toBe("DEADLINE_EXCEEDED");
    expect(await wholeSecrets([first as string, last as string])).toHaveLength(2);
    expect(await coffer.sql("select from secret where name = $1", [late])).toEqual([]);
  });

  it("is refused if its workspace has no room, and another workspace's is not", async () => {
    const full = `ws_full_${++workspaces}`;
    const { workspace } = await coffer.clients().workspaces.createWorkspace({ displayName: full });
    const id = present(workspace).id;
    await coffer.sql("update workspace set tier = 'FREE' where workspace_id = $1", [id]);
    const results = await outcomesOf(
      range(40).map((index) => create(newName(), {}, {}, index % 2 === 0 ? id : workspaceId)),
    );
    const [limited, unlimited] = [0, 1].map((rest) => results.filter((_, index) => index % 2 === rest));
    const [row] = await coffer.sql("select count(*)::int as count from secret where workspace_id = $1", [id]);
    const made = await wholeSecrets(present(limited));
    expect(made).toHaveLength(Number(row?.["count"]));
    expect(present(limited).filter((outcome) => outcome === "QUOTA_EXCEEDED")).toHaveLength(20 - made.length);
    expect(await wholeSecrets(present(unlimited))).toHaveLength(20);
  });

  it("that waits for another transaction's row does not hold up the others, and succeeds after it", async () => {
    const blocked = newName("blocked");
    const other = new Client(coffer.databaseUrl);
    await other.connect();
    await other.query("begin");
    await other.query(
      `insert into secret (workspace_id, secret_id, region, name, path, kind, description, labels, annotations, mime_type, state,
          version_aliases, version_count, enabled_version_count, current_version, kms_key_id, revealable, row_mac)
        select workspace_id, 'sec_other', region, $1, '/' || $1, kind, '', '{}', '{}', '', 'ACTIVE', '{}', 1, 1, 1, kms_key_id, true, ''
        from secret limit 1`,
      [blocked],
    );
    const start = performance.now();
    const waiting = outcomeOf(create(blocked));
    const others = await outcomesOf(range(100).map(() => create(newName())));
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(await wholeSecrets(others)).toHaveLength(100);
    await other.query("rollback");
    await other.end();
    expect(await wholeSecrets([await waiting])).toHaveLength(1);
  });

  it("is answered as a later read answers", async () => {
    const labels = { zz: "1", a: "2", ä: "3", b: "4" };
    const egress = { auth: { type: "bearer" as const }, hosts: ["api.example.com"] };
    const texts = { description: "d", mimeType: "text/plain", labels, annotations: { note: "n", an: "x" } };
    const { secrets } = coffer.clients();
    const { secret } = await secrets.createSecret({
      name: newName(),
      value: { case: "data", value: Buffer.from("v") },
      ...texts,
      egress,
    });
    const read = await secrets.getSecret({ secret: { case: "id", value: present(secret).id } });
    expect(JSON.stringify(secret, bigints)).toBe(JSON.stringify(read.secret, bigints));
  });
});

const bigints = (_: string, member: unknown) => (typeof member === "bigint" ? String(member) : member);
