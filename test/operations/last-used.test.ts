// When tokens were last used: known within two seconds, and written once a minute.
import { describe, expect, it } from "vitest";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { useCoffer } from "../support/coffer.ts";
import { expectError, unauthenticated } from "../support/errors.ts";
import { until } from "../support/poll.ts";
import { present, timeOf } from "../support/secrets.ts";

const coffer = useCoffer();

async function listed(id: string) {
  return present((await coffer.clients().tokens.listTokens({})).apiTokens.find((token) => token.id === id));
}

/** Counts what was ever written to the row: each write makes another version of it. */
async function rowOf(id: string) {
  const [row] = await coffer.sql("select xmin::text as version, revision from api_token where token_id = $1", [id]);
  return present(row);
}

describe("last_used_time", () => {
  it("is unset before the first call, follows a call within two seconds, and does not change the token", async () => {
    const { apiToken, token } = await coffer.clients().tokens.createToken({ displayName: "t", role: Role.VIEWER });
    const { id, etag, lastUsedTime } = present(apiToken);
    expect(lastUsedTime).toBeUndefined();
    expect((await listed(id)).lastUsedTime).toBeUndefined();
    const used = Date.now();
    await coffer.clients(token).tokens.whoAmI({});
    await until("it is noted", async () => (await listed(id)).lastUsedTime !== undefined, 2_000);
    const noted = await listed(id);
    expect(timeOf(noted.lastUsedTime)).toBeGreaterThanOrEqual(used - 1_000);
    expect(timeOf(noted.lastUsedTime)).toBeLessThan(used + 2_000);
    expect(noted.etag).toBe(etag);
  });

  it("is written once for all calls of a minute, and a refused call writes nothing", async () => {
    const { apiToken, token } = await coffer.clients().tokens.createToken({ displayName: "t", role: Role.VIEWER });
    const { id } = present(apiToken);
    const created = await rowOf(id);
    await coffer.clients(token).tokens.whoAmI({});
    await coffer.deps.accessTimes.flush();
    const written = await rowOf(id);
    expect(written["version"]).not.toBe(created["version"]);
    await Promise.all(Array.from({ length: 100 }, () => coffer.clients(token).tokens.whoAmI({})));
    const wrong = `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`;
    await expectError(coffer.clients(wrong).tokens.whoAmI({}), unauthenticated);
    await coffer.deps.accessTimes.flush();
    expect(await rowOf(id)).toEqual(written);
  });
});
