// The rate limit headers of DataRaven's surface, under its names; other surfaces keep theirs.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { startCoffer, type TestCoffer } from "../../support/coffer.ts";
import { teamOf } from "../../support/dataraven.ts";

let coffer: TestCoffer;
let path = "";
beforeAll(async () => {
  // Without Redis the instance counts by itself, so that every count is exact.
  coffer = await startCoffer({ redisUrl: null, env: { COFFER_RATE_LIMIT_PRINCIPAL: "4" } });
  path = `/v1/teams/${await teamOf(coffer)}/secrets`;
});
afterAll(() => coffer.close());

const newToken = async () => {
  await sleep(1_100);
  return (await coffer.clients().tokens.createToken({ displayName: "t", role: Role.VIEWER })).token;
};

function limitsOf({ status, headers }: Response) {
  const named = (name: string) => headers.get(name);
  expect([named("ratelimit-limit"), named("ratelimit-remaining"), named("ratelimit-reset")]).toEqual([
    null,
    null,
    null,
  ]);
  const resetMs = Number(named("x-ratelimit-reset")) * 1_000;
  // A time in Unix seconds: now or within the next two.
  expect(resetMs).toBeGreaterThan(Date.now() - 1_000);
  expect(resetMs).toBeLessThan(Date.now() + 3_000);
  return [status, named("x-ratelimit-limit"), named("x-ratelimit-remaining"), named("retry-after")];
}

describe("every answer has X-RateLimit-Limit, -Remaining and -Reset", () => {
  it("those that succeed count down; a 429 has Retry-After too, and DataRaven's body", async () => {
    const token = await newToken();
    const answers: Response[] = [];
    for (let count = 0; count < 5; count++) answers.push(await coffer.fetch(path, { token }));
    expect(answers.map(limitsOf)).toEqual([
      [200, "4", "3", null],
      [200, "4", "2", null],
      [200, "4", "1", null],
      [200, "4", "0", null],
      [429, "4", "0", "1"],
    ]);
    expect(await answers.at(-1)?.json()).toEqual({
      error: "Rate limit exceeded",
      message: "more than 4 requests a second",
    });
  });

  it("on every route of it, also where the answer has no body", async () => {
    const token = await newToken();
    const connections = await coffer.fetch(path.replace(/secrets$/, "vault-connections"), { token });
    expect(limitsOf(connections)).toEqual([200, "4", "3", null]);
  });
});

it("other surfaces keep their names", async () => {
  const token = await newToken();
  const { workspaceId } = await coffer.clients(token).tokens.whoAmI({});
  const headers = { "x-organisation-identity": workspaceId };
  const answer = await coffer.fetch("/v1/secrets/default/secrets", { token, headers });
  expect([answer.status, answer.headers.get("ratelimit-limit"), answer.headers.get("ratelimit-reset")]).toEqual([
    200,
    "4",
    "1",
  ]);
  expect(answer.headers.get("x-ratelimit-limit")).toBeNull();
});
