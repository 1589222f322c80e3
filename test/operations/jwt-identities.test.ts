// How long a verified JWT is believed without verifying it again, by a clock that the test turns.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readIssuers } from "../../src/jwt/read-issuers.ts";
import { createJwtVerifier } from "../../src/jwt/verifier.ts";
import { createJwtIdentities } from "../../src/runtime/jwt-identities.ts";
import { startCoffer, useCoffer } from "../support/coffer.ts";
import { expectError, unauthenticated } from "../support/errors.ts";
import { entryOf, type JwtIssuer, newKey, startIssuer, writeIssuersFile } from "../support/jwt-issuer.ts";

const coffer = useCoffer();
let issuer: JwtIssuer;
let file: { path: string; remove: () => void };
beforeAll(async () => {
  issuer = await startIssuer();
  file = writeIssuersFile({ issuers: [entryOf(issuer)] });
});
afterAll(async () => {
  await issuer.stop();
  file.remove();
});

/** Identities by a clock of their own, which counts how often they had to verify. */
function identitiesAt(start: number) {
  const clock = { ms: start };
  const times = { now: () => new Date(clock.ms), nowMs: () => clock.ms };
  const verifier = createJwtVerifier(readIssuers("SETTING", file.path), times, () => {});
  const identities = createJwtIdentities(coffer.deps, verifier, times);
  const counted = { verified: 0 };
  const get = (token: string) =>
    identities.get(token, {
      async beforeLookup() {
        counted.verified++;
      },
      failed: async () => {},
    });
  return { clock, counted, get };
}

const seconds = (ms: number) => Math.floor(ms / 1000);

describe("a JWT that was verified", () => {
  it("is believed for five minutes, and then verified again", async () => {
    const { clock, counted, get } = identitiesAt(Date.now());
    const token = await issuer.sign({ exp: seconds(clock.ms) + 3_600 });
    const first = await get(token);
    clock.ms += 5 * 60_000 - 1;
    expect(await get(token)).toBe(first);
    expect(counted.verified).toBe(1);
    clock.ms += 1;
    expect((await get(token)).principalId).toBe(first.principalId);
    expect(counted.verified).toBe(2);
  });

  it("is not believed beyond its end, and then refused", async () => {
    const { clock, get } = identitiesAt(Date.now());
    const token = await issuer.sign({ exp: seconds(clock.ms) + 60 });
    expect((await get(token)).credential).toBe("JWT");
    clock.ms += 66_000;
    await expect(get(token)).rejects.toMatchObject({ reason: "CREDENTIAL_INVALID" });
  });

  it("is not believed any more when its key has been withdrawn", async () => {
    const { clock, get } = identitiesAt(Date.now());
    // The first of its two fetches is old enough for another, while the token was verified just now.
    await get(await issuer.sign({ exp: seconds(clock.ms) + 3_600, jti: "early" }));
    clock.ms += 4 * 60_000;
    const token = await issuer.sign({ exp: seconds(clock.ms) + 3_600 });
    await get(token);
    issuer.shown = [(await newKey()).jwk];
    clock.ms += 2 * 60_000;
    await get(await issuer.sign({ exp: seconds(clock.ms) + 3_600, jti: "refreshes behind" }));
    const isRefused = () =>
      get(token).then(
        () => false,
        (error: { reason?: string }) => error.reason === "CREDENTIAL_INVALID",
      );
    await expect.poll(isRefused, { timeout: 8_000 }).toBe(true);
    issuer.shown = [issuer.key.jwk];
  });
});

describe("guesses", () => {
  it("are refused unverified after too many from one address, while a known JWT goes on", async () => {
    const limited = await startCoffer({
      besides: coffer,
      redisUrl: null,
      env: { COFFER_JWT_ISSUERS_FILE: file.path, COFFER_RATE_LIMIT_UNAUTHENTICATED: "5" },
    });
    const whoAmI = (token: string) => limited.clients(token).tokens.whoAmI({});
    const known = await issuer.sign();
    expect((await whoAmI(known)).tokenId).toMatch(/^jwt_/);
    const guess = await issuer.sign({ aud: "other" });
    for (let call = 0; call < 50; call++) await expectError(whoAmI(guess), unauthenticated);
    await expectError(whoAmI(guess), { reason: "RATE_LIMITED" });
    expect((await whoAmI(known)).tokenId).toMatch(/^jwt_/);
    await limited.close();
  });
});
