// Valid credentials are accepted and all others refused, on the real servers.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { newTokenText } from "../../../src/steps/tokens/token-text.ts";
import { useCoffer } from "../../support/coffer.ts";
import { expectError, unauthenticated } from "../../support/errors.ts";
import { until } from "../../support/poll.ts";

const coffer = useCoffer();
const path = "/coffer.v1.TokenService/WhoAmI";

const ask = (headers: Record<string, string>) => coffer.fetch(path, { token: null, headers, json: {} });

/** The reason and the message of a refusal, which must be a 401 that says how to do better. */
async function refusal(headers: Record<string, string>) {
  const response = await ask(headers);
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toBe("Bearer");
  const { code, message, details } = (await response.json()) as {
    code: string;
    message: string;
    details: { debug: { reason: string; metadata?: object } }[];
  };
  return { code, message, reasons: details.map(({ debug }) => debug.reason), metadata: details[0]?.debug.metadata };
}

const invalidCredential = {
  code: "unauthenticated",
  message: "the credential is not valid",
  reasons: ["CREDENTIAL_INVALID"],
  metadata: undefined,
};

describe("succeeds", () => {
  it("with a token as Authorization: Bearer or Token, in any case, or as X-API-Key", async () => {
    const token = coffer.ownerToken;
    for (const headers of [
      { authorization: `Bearer ${token}` },
      { authorization: `bearer  ${token} ` },
      { authorization: `Token ${token}` },
      { "x-api-key": token },
    ]) {
      const response = await ask(headers as Record<string, string>);
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ role: "ROLE_OWNER" });
    }
  });
});

describe("rejects", () => {
  it("two credentials at once, even equal ones", async () => {
    const response = await ask({ authorization: `Bearer ${coffer.ownerToken}`, "x-api-key": coffer.ownerToken });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: "invalid_argument",
      details: [{ debug: { reason: "REQUEST_MALFORMED" } }],
    });
  });
});

describe("denies", () => {
  it("a request without a credential", async () => {
    expect(await refusal({})).toMatchObject({ code: "unauthenticated", reasons: ["CREDENTIAL_MISSING"] });
  });

  it("every credential that is none, with one and the same answer that repeats nothing", async () => {
    const { ownerToken } = coffer;
    const other = newTokenText(coffer.deps.random);
    const known = newTokenText(coffer.deps.random);
    // The id of a token that exists, with another secret: the checksum is right.
    const guessed = newTokenTextWithId(ownerToken.slice(10, 20));
    for (const authorization of [
      "",
      "Bearer",
      "Bearer ",
      `Basic ${btoa(`user:${ownerToken}`)}`,
      ownerToken,
      "Bearer canary",
      `Bearer ${ownerToken} ${ownerToken}`,
      `Bearer ${ownerToken.slice(0, -1)}`,
      `Bearer ${ownerToken}x`,
      `Bearer ${ownerToken.toLowerCase()}`,
      `Bearer ${other.text}`,
      `Bearer ${known.text.slice(0, -6)}000000`,
      `Bearer ${guessed}`,
      `Bearer sk_akua_${ownerToken.slice(10)}`,
      `Bearer ${"x".repeat(5000)}`,
    ]) {
      expect([authorization, await refusal({ authorization })]).toEqual([authorization, invalidCredential]);
    }
    expect(await refusal({ "x-api-key": "" })).toEqual(invalidCredential);
    expect(await refusal({ "x-api-key": `Bearer ${ownerToken}` })).toEqual(invalidCredential);
  });

  it("a revoked token from the next request on, and revoking it again changes nothing", async () => {
    const token = await coffer.tokenWithRole(Role.OPERATOR);
    const { tokens } = coffer.clients(token);
    const { tokenId: id } = await tokens.whoAmI({});
    const { apiToken } = await coffer.clients().tokens.revokeToken({ id });
    await expectError(tokens.whoAmI({}), unauthenticated);
    expect(await refusal({ authorization: `Bearer ${token}` })).toEqual(invalidCredential);
    expect((await coffer.clients().tokens.revokeToken({ id })).apiToken).toEqual(apiToken);
    await expectError(tokens.whoAmI({}), unauthenticated);
  });

  it("an expired token from the moment on, although it was used just before", async () => {
    const ttl = { seconds: 1n } as never;
    const created = await coffer.clients().tokens.createToken({
      displayName: "short",
      role: Role.VIEWER,
      expiration: { case: "ttl", value: ttl },
    });
    const { tokens } = coffer.clients(created.token);
    expect((await tokens.whoAmI({})).tokenId).toBe(created.apiToken?.id);
    const start = performance.now();
    await until(
      "the token is refused",
      async () =>
        tokens.whoAmI({}).then(
          () => false,
          () => true,
        ),
      3_000,
    );
    expect(performance.now() - start).toBeLessThan(2_500);
    await expectError(tokens.whoAmI({}), unauthenticated);
  });
});

function newTokenTextWithId(lookupId: string): string {
  // The first bytes choose the id: base62 digits by their places.
  const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const places = [...lookupId].map((character) => digits.indexOf(character));
  return newTokenText((size) => (size === lookupId.length ? Uint8Array.from(places) : new Uint8Array(size))).text;
}
