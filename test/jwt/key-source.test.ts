// The keys of an issuer, from a real server by a clock that the test turns: how often it is asked, and how long keys are believed.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CofferError } from "../../src/domain/error/errors.ts";
import { readIssuers } from "../../src/jwt/read-issuers.ts";
import { createJwtVerifier, type JwtVerifier } from "../../src/jwt/verifier.ts";
import { entryOf, type JwtIssuer, newKey, startIssuer, writeIssuersFile } from "../support/jwt-issuer.ts";
import { until } from "../support/poll.ts";

const second = 1_000;
const minute = 60 * second;

let issuer: JwtIssuer;
let clock: { ms: number };
let failures: unknown[];
let verifier: JwtVerifier;
beforeEach(async () => {
  issuer = await startIssuer();
  clock = { ms: 0 };
  failures = [];
  verifier = verifierWith({});
});
afterEach(() => issuer.stop());

function verifierWith(change: object): JwtVerifier {
  const { path, remove } = writeIssuersFile({ issuers: [entryOf(issuer, change)] });
  const issuers = readIssuers("SETTING", path);
  remove();
  return createJwtVerifier(issuers, { now: () => new Date(), nowMs: () => clock.ms }, (_issuer, error) =>
    failures.push(error),
  );
}

/** `valid`, `invalid`, or the reason why nobody knows. */
async function judge(token: string): Promise<string> {
  try {
    return (await verifier.verify(token)) ? "valid" : "invalid";
  } catch (error) {
    expect(error).toBeInstanceOf(CofferError);
    expect((error as CofferError).retryDelayMs).toBeGreaterThan(0);
    return (error as CofferError).reason;
  }
}

describe("a key id that is unknown", () => {
  it("makes the issuer be asked once more, and then not again for thirty seconds, whoever asks", async () => {
    expect(await judge(await issuer.sign())).toBe("valid");
    expect(issuer.requests).toBe(1);
    const strangers = await Promise.all(Array.from({ length: 20 }, () => newKey()));
    const tokens = await Promise.all(strangers.map((key) => issuer.sign({}, { key })));
    expect(new Set(await Promise.all(tokens.map(judge)))).toEqual(new Set(["invalid"]));
    expect(issuer.requests).toBe(2);
    clock.ms += 30 * second - 1;
    expect(await judge(tokens[0] as string)).toBe("invalid");
    expect(issuer.requests).toBe(2);
    clock.ms += 1;
    expect(await judge(tokens[0] as string)).toBe("invalid");
    expect(issuer.requests).toBe(3);
    expect(await judge(await issuer.sign())).toBe("valid");
    expect(issuer.requests).toBe(3);
  });

  it("is found when the issuer has changed its keys meanwhile, by all who ask at that moment", async () => {
    expect(await judge(await issuer.sign())).toBe("valid");
    const key = await newKey();
    issuer.shown = [key.jwk];
    const token = await issuer.sign({}, { key });
    expect(await Promise.all(Array.from({ length: 10 }, () => judge(token)))).toEqual(Array(10).fill("valid"));
    expect(issuer.requests).toBe(2);
    expect(await judge(await issuer.sign())).toBe("invalid");
  });

  it("is UNAVAILABLE, not invalid, while the issuer that might know it does not answer", async () => {
    expect(await judge(await issuer.sign())).toBe("valid");
    await issuer.stop();
    const token = await issuer.sign({}, { key: await newKey() });
    for (let call = 0; call < 3; call++) expect(await judge(token)).toBe("ISSUER_UNAVAILABLE");
    expect(failures).toHaveLength(1);
    expect(await judge(await issuer.sign())).toBe("valid");
    await issuer.start();
  });

  it("costs no request when the algorithm, the issuer or the form is wrong already", async () => {
    for (const token of [
      await issuer.sign({ iss: "https://elsewhere.example" }),
      await issuer.sign({}, { key: await newKey("ES384") }),
      await issuer.sign({}, { header: { jku: "https://elsewhere.example" } }),
      `${await issuer.sign()}=`,
    ]) {
      expect(await judge(token)).toBe("invalid");
    }
    expect(issuer.requests).toBe(0);
  });
});

describe("an issuer that is away", () => {
  it("has its keys used until they are too old, and then none; later ones as soon as it is back", async () => {
    const token = await issuer.sign({ exp: Math.floor(Date.now() / 1000) + 600 });
    expect(await judge(token)).toBe("valid");
    await issuer.stop();
    for (let elapsed = 0; elapsed < 59; elapsed++) {
      clock.ms += minute;
      expect([elapsed, await judge(token)]).toEqual([elapsed, "valid"]);
    }
    await until("an attempt has failed", async () => failures.length > 0);
    clock.ms = 60 * minute;
    expect(await judge(token)).toBe("ISSUER_UNAVAILABLE");
    await issuer.start();
    clock.ms += 5 * second;
    expect(await judge(token)).toBe("valid");
  });

  it("at the first token is asked again after five seconds, not for every token", async () => {
    await issuer.stop();
    for (let call = 0; call < 3; call++) expect(await judge(await issuer.sign())).toBe("ISSUER_UNAVAILABLE");
    expect(failures).toHaveLength(1);
    clock.ms += 5 * second;
    expect(await judge(await issuer.sign())).toBe("ISSUER_UNAVAILABLE");
    expect(failures).toHaveLength(2);
    await issuer.start();
  });

  it("for shorter than configured is noticed by nobody: jwksMaxAgeSeconds decides", async () => {
    verifier = verifierWith({ jwksMaxAgeSeconds: 10 });
    expect(await judge(await issuer.sign())).toBe("valid");
    await issuer.stop();
    clock.ms += 10 * second - 1;
    expect(await judge(await issuer.sign())).toBe("valid");
    clock.ms += 1;
    await until("the attempt behind has failed", async () => failures.length > 0);
    expect(await judge(await issuer.sign())).toBe("ISSUER_UNAVAILABLE");
    await issuer.start();
  });
});

describe("keys", () => {
  it("are fetched anew behind the answers after five minutes, and one that is gone is believed no more", async () => {
    const token = await issuer.sign();
    const seen = await verifier.verify(token);
    expect(seen?.isCurrent()).toBe(true);
    issuer.shown = [(await newKey()).jwk];
    clock.ms += 5 * minute;
    expect(await judge(token)).toBe("valid");
    await until("they are fetched", async () => seen?.isCurrent() === false);
    expect(issuer.requests).toBe(2);
    expect(await judge(token)).toBe("invalid");
  });

  it.each<[string, (jwk: object) => object[]]>([
    ["symmetric ones", () => [{ kty: "oct", k: "c2VjcmV0", alg: "HS256" }]],
    ["ones that are for encryption", (jwk) => [{ ...jwk, use: "enc" }]],
    ["private ones", (jwk) => [{ ...jwk, d: "c2VjcmV0" }]],
    ["none at all", () => []],
    ["more than a hundred", (jwk) => Array(101).fill(jwk)],
  ])("are not taken from a set with %s", async (_what, shown) => {
    issuer.shown = shown(issuer.key.jwk) as never;
    expect(await judge(await issuer.sign())).toBe("ISSUER_UNAVAILABLE");
  });

  it.each<[string, JwtIssuer["answer"]]>([
    ["an error", (response) => response.writeHead(500).end("{}")],
    ["a redirection", (response) => response.writeHead(302, { location: "/jwks.json" }).end()],
    ["no JSON", (response) => response.writeHead(200).end("<html>")],
    ["more than 256 KiB", (response) => response.writeHead(200).end(" ".repeat(256 * 1024 + 1))],
    [
      "half an answer",
      (response) => response.writeHead(200, { "content-length": "100" }).write("{", () => response.destroy()),
    ],
  ])("are not taken from a server that answers with %s", async (_what, answer) => {
    issuer.answer = answer;
    expect(await judge(await issuer.sign())).toBe("ISSUER_UNAVAILABLE");
    expect(issuer.requests).toBe(1);
    issuer.answer = undefined;
    clock.ms += 5 * second;
    expect(await judge(await issuer.sign())).toBe("valid");
  });

  it("are given up on after five seconds when the server never answers", async () => {
    issuer.answer = () => {};
    const start = performance.now();
    expect(await judge(await issuer.sign())).toBe("ISSUER_UNAVAILABLE");
    expect(performance.now() - start).toBeLessThan(7_000);
  });
});
