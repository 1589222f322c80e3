// Rate limits, on the real servers: shared by instances through Redis, each instance's own without.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { QuotaFailureSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { checksumOf, newTokenText } from "../../src/steps/tokens/token-text.ts";
import { otherWorkspace } from "../support/broad-token.ts";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { errorOf, type SeenError } from "../support/errors.ts";

const whoAmI = (coffer: TestCoffer, token: string) => coffer.clients(token).tokens.whoAmI({});
const path = "/coffer.v1.TokenService/WhoAmI";

/** Until what was taken before is given back. */
const nextWindow = () => sleep(1_100);

/**
 * Runs an experiment within one second of counting, again where the machine was too slow for that: only then counts say something.
 * Redis counts as away when an answer takes 50 ms, and instances then count for themselves, so one odd count says nothing either:
 * what holds is seen within three that were quick enough.
 */
async function inOneWindow(experiment: () => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  for (let attempt = 1; attempt <= 12 && failures.length < 3; attempt++) {
    await nextWindow();
    const start = performance.now();
    const [result] = await Promise.allSettled([experiment()]);
    if (performance.now() - start > 900) continue;
    if (result.status === "fulfilled") return;
    failures.push(result.reason);
  }
  const [first] = failures;
  if (first instanceof Error) throw first;
  throw new Error("the machine is too slow: no experiment fits into a second");
}

/** How many of the calls were let through; the others must have been refused by a limit. */
async function countAllowed(calls: Promise<unknown>[]): Promise<number> {
  const results = await Promise.allSettled(calls);
  const refused = calls.filter((_, index) => results[index]?.status === "rejected");
  for (const call of refused) await expectLimited(call);
  return calls.length - refused.length;
}

async function expectLimited(call: Promise<unknown>): Promise<SeenError> {
  const seen = await errorOf(call);
  expect(seen).toMatchObject({ code: "ResourceExhausted", reason: "RATE_LIMITED", hasRetryInfo: true });
  return seen;
}

/** A principal of a workspace of its own. */
async function newOwner(coffer: TestCoffer): Promise<{ token: string; workspaceId: string; principalId: string }> {
  const { ownerToken, workspaceId } = await otherWorkspace(coffer);
  const { token, apiToken } = await coffer
    .clients(ownerToken)
    .tokens.createToken({ displayName: "t", role: Role.OWNER });
  return { token, workspaceId, principalId: apiToken?.principalId ?? "" };
}

describe("with Redis", () => {
  let first: TestCoffer;
  let second: TestCoffer;
  const env = { COFFER_RATE_LIMIT_PRINCIPAL: "8", COFFER_RATE_LIMIT_WORKSPACE: "12" };
  beforeAll(async () => {
    first = await startCoffer({ env });
    second = await startCoffer({ env, besides: first });
  });
  afterAll(async () => {
    await second.close();
    await first.close();
  });

  it("two instances let a principal through as often as one, and again a second later", async () => {
    const { token } = await newOwner(first);
    await inOneWindow(async () => {
      const calls = Array.from({ length: 12 }, (_, index) => whoAmI(index % 2 === 0 ? first : second, token));
      expect(await countAllowed(calls)).toBe(8);
    });
    await nextWindow();
    expect((await whoAmI(second, token)).tokenId).not.toBe("");
  });

  it("the workspace's limit holds for all its principals together", async () => {
    const { token, workspaceId } = await newOwner(first);
    const newViewer = () => first.clients(token).tokens.createToken({ displayName: "t", role: Role.VIEWER });
    const { token: other } = await newViewer();
    const { token: third } = await newViewer();
    await inOneWindow(async () => {
      const calls = Array.from({ length: 16 }, (_, index) =>
        whoAmI(index < 8 ? first : second, index % 2 === 0 ? token : other),
      );
      expect(await countAllowed(calls)).toBe(12);
      const { metadata } = await expectLimited(whoAmI(second, third));
      expect(metadata).toEqual({ subject: workspaceId, limit: "12" });
    });
  });

  it("a request that one limit refuses costs nothing of the other", async () => {
    const { token, workspaceId } = await newOwner(first);
    const { token: other } = await first.clients(token).tokens.createToken({ displayName: "t", role: Role.VIEWER });
    // 8 are let through; the 22 that are refused must leave the workspace the rest of its 12.
    await inOneWindow(async () => {
      const calls = Array.from({ length: 30 }, (_, index) => whoAmI(index % 2 === 0 ? first : second, token));
      expect(await countAllowed(calls)).toBe(8);
      expect(await countAllowed(Array.from({ length: 8 }, () => whoAmI(first, other)))).toBe(4);
    });
    // 12 are let through; those that the workspace refuses must leave their principal the rest of its 8.
    await inOneWindow(async () => {
      expect(await countAllowed(Array.from({ length: 8 }, () => whoAmI(first, token)))).toBe(8);
      expect(await countAllowed(Array.from({ length: 8 }, () => whoAmI(first, other)))).toBe(4);
      const { metadata } = await expectLimited(whoAmI(first, other));
      expect(metadata["subject"]).toBe(workspaceId);
    });
  });

  it("a refusal says when to come back: in its details, and in the headers of its answer", async () => {
    const { token, principalId } = await newOwner(first);
    await inOneWindow(async () => {
      const allowed = await first.fetch(path, { token, json: {} });
      expect(allowed.headers.get("ratelimit-limit")).toBe("8");
      expect(allowed.headers.get("ratelimit-remaining")).toBe("7");
      expect(allowed.headers.get("ratelimit-reset")).toBe("1");
      await countAllowed(Array.from({ length: 8 }, () => whoAmI(first, token)));
      const { error, metadata } = await expectLimited(whoAmI(first, token));
      expect(metadata).toEqual({ subject: principalId, limit: "8" });
      const [quota] = error.findDetails(QuotaFailureSchema);
      expect(quota?.violations).toMatchObject([{ subject: principalId, description: expect.stringContaining("8") }]);
      const [retry] = error.findDetails(RetryInfoSchema);
      const { seconds, nanos } = retry?.retryDelay ?? { seconds: -1n, nanos: 0 };
      expect(Number(seconds) + nanos / 1e9).toBeGreaterThan(0);
      expect(Number(seconds) + nanos / 1e9).toBeLessThanOrEqual(1);
      const headers = (from: Headers) =>
        ["retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"].map((name) => from.get(name));
      expect(headers(error.metadata)).toEqual(["1", "8", "0", "1"]);
      for (const where of [path, "/v1/secrets/sec_1"]) {
        const refused = await first.fetch(where, { token, ...(where === path ? { json: {} } : {}) });
        expect(refused.status).toBe(429);
        expect(headers(refused.headers)).toEqual(["1", "8", "0", "1"]);
      }
    });
  });
});

describe("without Redis", () => {
  let coffer: TestCoffer;
  beforeAll(async () => {
    const env = { COFFER_RATE_LIMIT_PRINCIPAL: "5", COFFER_RATE_LIMIT_UNAUTHENTICATED: "6" };
    coffer = await startCoffer({ redisUrl: null, env });
  });
  afterAll(() => coffer.close());

  it("an instance keeps the limits by itself", async () => {
    await inOneWindow(async () => {
      expect(await countAllowed(Array.from({ length: 9 }, () => whoAmI(coffer, coffer.ownerToken)))).toBe(5);
    });
    await nextWindow();
    expect(await countAllowed([whoAmI(coffer, coffer.ownerToken)])).toBe(1);
  });

  const newToken = async () => {
    await nextWindow();
    const { tokens } = coffer.clients();
    return (await tokens.createToken({ displayName: "t", role: Role.VIEWER })).token;
  };
  /** A token that the checksum lets through, with another secret than the one that has this id. */
  const wrongSecret = (token: string) => {
    const { text } = newTokenText(randomBytes);
    const id = token.split("_")[2] ?? "";
    const body = `sk_coffer_${id}_${text.split("_")[3]?.slice(0, 27)}`;
    return body + checksumOf(body);
  };

  async function expectAddressLimited(call: Promise<unknown>): Promise<void> {
    const { metadata, error } = await expectLimited(call);
    expect(metadata["subject"]).toBe("address:127.0.0.1");
    expect(Number(error.metadata.get("retry-after"))).toBeGreaterThan(30);
    expect(error.findDetails(QuotaFailureSchema)[0]?.violations[0]?.subject).toBe("address:127.0.0.1");
  }

  it("requests without a credential, or with what cannot be one, are limited by address, and lock out no valid token", async () => {
    const unknownYet = await newToken();
    for (let count = 0; count < 6; count++) {
      expect((await errorOf(whoAmI(coffer, `sk_guess_${count}`))).reason).toBe("CREDENTIAL_INVALID");
    }
    await expectAddressLimited(whoAmI(coffer, "sk_guess_again"));
    await expectAddressLimited(whoAmI(coffer, "not.a-jwt"));
    expect((await coffer.fetch(path, { token: null, json: {} })).status).toBe(429);
    for (const token of [coffer.ownerToken, unknownYet]) expect((await whoAmI(coffer, token)).tokenId).not.toBe("");
  });

  it("wrong secrets for a token that is in use are limited too, ten times as generously, and leave the right one valid", async () => {
    const token = await newToken();
    await whoAmI(coffer, token);
    const reasons = [];
    for (let count = 0; count < 62; count++) reasons.push((await errorOf(whoAmI(coffer, wrongSecret(token)))).reason);
    expect(reasons).toEqual([...Array(60).fill("CREDENTIAL_INVALID"), "RATE_LIMITED", "RATE_LIMITED"]);
    await nextWindow();
    expect((await whoAmI(coffer, token)).tokenId).not.toBe("");
  });

  it("an address whose look-ups failed too often is refused before anything is looked up", async () => {
    const unknownYet = await newToken();
    for (const text of [newTokenText(randomBytes).text, unknownYet]) await expectAddressLimited(whoAmI(coffer, text));
  });

  it("a token that was revoked is refused without counting as a guess", async () => {
    const fresh = await startCoffer({ redisUrl: null, env: { COFFER_RATE_LIMIT_UNAUTHENTICATED: "1" } });
    onTestFinished(() => fresh.close());
    const { token, apiToken } = await fresh.clients().tokens.createToken({ displayName: "t", role: Role.VIEWER });
    await fresh.clients().tokens.revokeToken({ id: apiToken?.id ?? "" });
    for (let count = 0; count < 12; count++) {
      expect((await errorOf(whoAmI(fresh, token))).reason).toBe("CREDENTIAL_INVALID");
    }
  });
});
