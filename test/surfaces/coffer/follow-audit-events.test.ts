// FollowAuditEvents gives every event once, in whatever order transactions commit.
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { otherWorkspace } from "../../support/broad-token.ts";
import { type TestCoffer, useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid } from "../../support/errors.ts";
import { until } from "../../support/poll.ts";
import { createSecret } from "../../support/secrets.ts";

const coffer = useCoffer();

/** A follower of a workspace of its own, with what it has seen. */
async function newFollower(pageSize = 1_000) {
  const { workspaceId, ownerToken } = await otherWorkspace(coffer);
  const { audit } = coffer.clients(ownerToken);
  const seen: string[] = [];
  let cursor = "";
  return {
    workspaceId,
    ownerToken,
    seen,
    cursor: () => cursor,
    audit,
    /** Calls until it is caught up. */
    async follow(): Promise<string[]> {
      const before = seen.length;
      for (let caughtUp = false; !caughtUp; ) {
        const answer = await audit.followAuditEvents({ cursor, pageSize });
        seen.push(...answer.auditEvents.map(({ id }) => id));
        ({ nextCursor: cursor, caughtUp } = answer);
      }
      return seen.slice(before);
    },
  };
}

const insert = `insert into audit_event (workspace_id, event_id, request_id, principal_id, token_id, method, resource_type,
  resource_id, decision, rule, address, user_agent, result, occurrences)
  values ($1, $2, '', 'prn', '', 'm', 'none', '', 'ALLOW', '', '', '', 'OK', 1)`;

async function connected<T>(use: (client: Client) => Promise<T>, from: TestCoffer = coffer): Promise<T> {
  const client = new Client(from.databaseUrl);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

describe("an event that commits after a newer one was read", () => {
  it("is missed by a client that lists from the newest event, but not by a follower", async () => {
    const { workspaceId, ownerToken, follow, audit } = await newFollower();
    await follow();
    await connected(async (late) => {
      await late.query("begin");
      await late.query(insert, [workspaceId, "aud_late"]);
      await createSecret(coffer, {}, ownerToken);
      const [newest] = (await audit.listAuditEvents({})).auditEvents;
      await follow();
      await late.query("commit");
      const listed = await audit.listAuditEvents({ startTime: newest?.eventTime as never });
      expect(listed.auditEvents.map(({ id }) => id)).not.toContain("aud_late");
      // Transactions of other tests on the same server may delay the event.
      await until("the follower sees it", async () => (await follow()).includes("aud_late"));
    });
  });

  it("comes once, as all others do, while eight writers commit in any order and pages are small", async () => {
    const { workspaceId, seen, follow } = await newFollower(7);
    const written: string[] = [];
    let isWriting = true;
    const writers = Array.from({ length: 8 }, (_, writer) =>
      connected(async (client) => {
        for (let n = 0; n < 60; n++) {
          await client.query("begin");
          for (let each = 0; each <= (n + writer) % 3; each++) {
            const id = `aud_${writer}_${n}_${each}`;
            await client.query(insert, [workspaceId, id]);
            written.push(id);
            await client.query("select pg_sleep($1)", [((n * 7 + writer * 3) % 11) / 2_000]);
          }
          await client.query("commit");
        }
      }),
    );
    const following = (async () => {
      while (isWriting) await follow();
    })();
    await Promise.all(writers);
    isWriting = false;
    await following;
    await until("everything is read", async () => {
      await follow();
      return written.every((id) => seen.includes(id));
    });
    expect(new Set(seen).size).toBe(seen.length);
  });
});

describe("a follower", () => {
  it("begins where it wants to, and is told when it is caught up", async () => {
    const { ownerToken, audit } = await newFollower();
    for (let n = 0; n < 3; n++) await createSecret(coffer, {}, ownerToken);
    const startTime = timestampFromDate(new Date(Date.now() + 3_600_000));
    expect(await audit.followAuditEvents({ startTime })).toMatchObject({ auditEvents: [], caughtUp: true });
    const first = await audit.followAuditEvents({ pageSize: 2 });
    expect(first).toMatchObject({ auditEvents: [{}, {}], caughtUp: false });
    const rest = await audit.followAuditEvents({ cursor: first.nextCursor });
    expect(rest.auditEvents.length + 2).toBe((await audit.listAuditEvents({})).auditEvents.length);
    expect(rest.caughtUp).toBe(true);
    expect((await audit.followAuditEvents({ cursor: rest.nextCursor })).auditEvents).toEqual([]);
  });

  it("reads events from before there were numbers, and those of another server that were restored here", async () => {
    const { workspaceId, seen, follow } = await newFollower();
    await coffer.sql(insert, [workspaceId, "aud_old"]);
    await coffer.sql(insert, [workspaceId, "aud_foreign"]);
    await coffer.sql("update audit_event set xact = null where event_id = 'aud_old'");
    await coffer.sql("update audit_event set xact = 1000000000000 where event_id = 'aud_foreign'");
    await follow();
    expect(seen).toEqual(expect.arrayContaining(["aud_old", "aud_foreign"]));
    expect(await follow()).toEqual([]);
  });

  it("is told when its cursor is none, another workspace's, or of a database that was replaced by an older copy", async () => {
    const own = await newFollower();
    const other = await newFollower();
    await own.follow();
    for (const cursor of ["x", `${own.cursor()}x`, Buffer.from("[]").toString("base64url")]) {
      await expectError(own.audit.followAuditEvents({ cursor }), invalid("cursor"));
    }
    await expectError(other.audit.followAuditEvents({ cursor: own.cursor() }), invalid("cursor"));
    const parts = JSON.parse(Buffer.from(own.cursor(), "base64url").toString());
    const ahead = Buffer.from(JSON.stringify(parts.with(3, "9000000000000000"))).toString("base64url");
    const { message } = await expectError(own.audit.followAuditEvents({ cursor: ahead }), invalid("cursor"));
    expect(message).toContain("begin again without a cursor and with start_time");
    const both = { cursor: own.cursor(), startTime: timestampFromDate(new Date()) };
    await expectError(own.audit.followAuditEvents(both), invalid("start_time"));
  });

  it("needs audit.read, and sees its own workspace only", async () => {
    const { ownerToken, seen, follow } = await newFollower();
    const elsewhere = await createSecret(coffer);
    await follow();
    const rows = await coffer.sql("select event_id from audit_event where resource_id = $1", [elsewhere.id]);
    expect(seen).not.toContain(rows[0]?.["event_id"]);
    const created = await coffer.clients(ownerToken).tokens.createToken({ displayName: "t", scopes: ["secrets.*"] });
    await expectError(coffer.clients(created.token).audit.followAuditEvents({}), denied("audit.read"));
  });
});
