// A JWT issuer on loopback: its keys, a server that publishes them, and the tokens that a test needs.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

export interface SigningKey {
  kid: string;
  alg: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
  jwk: JWK;
}

export interface JwtIssuer {
  /** The value of `iss`. */
  issuer: string;
  jwksUrl: string;
  key: SigningKey;
  /** The answer of the server. */
  shown: JWK[];
  /** How often it was asked for its keys. */
  requests: number;
  /** Instead of the keys. */
  answer: ((response: ServerResponse) => void) | undefined;
  /** A token for `coffer` that ends in a minute, unless told otherwise. */
  sign(claims?: JWTPayload, options?: { key?: SigningKey; header?: object }): Promise<string>;
  /** No answers from now on. */
  stop(): Promise<void>;
  /** On the same port again. */
  start(): Promise<void>;
}

const audience = "coffer";

export async function newKey(alg = "ES256", kid = randomBytes(4).toString("hex")): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

export async function startIssuer(alg?: string): Promise<JwtIssuer> {
  const key = await newKey(alg);
  const server = createServer((_request, response) => {
    own.requests++;
    if (own.answer) own.answer(response);
    else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys: own.shown }));
  });
  const listen = async (port: number) => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}/`;
  const own: JwtIssuer = {
    issuer,
    jwksUrl: `${issuer}jwks.json`,
    key,
    shown: [key.jwk],
    requests: 0,
    answer: undefined,
    sign(claims = {}, { key: by = key, header = {} } = {}) {
      const now = Math.floor(Date.now() / 1000);
      const payload = { iss: issuer, aud: audience, sub: "ada", iat: now, exp: now + 60, ...claims };
      return new SignJWT(payload).setProtectedHeader({ alg: by.alg, kid: by.kid, ...header }).sign(by.privateKey);
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, "close");
    },
    start: () => listen(port),
  };
  return own;
}

/** A file of issuers for COFFER_JWT_ISSUERS_FILE, and how to be rid of it. */
export function writeIssuersFile(content: unknown): { path: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), "coffer-issuers-"));
  const path = join(dir, "issuers.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return { path, remove: () => rmSync(dir, { recursive: true }) };
}

/** An issuer's entry in that file: claims `workspaces` and `roles` decide. */
export function entryOf({ issuer, jwksUrl, key }: JwtIssuer, change: object = {}) {
  return {
    issuer,
    audience,
    algorithms: [key.alg],
    jwksUrl,
    clockSkewSeconds: 5,
    workspaces: { claim: "workspaces", allowed: "*" },
    role: {
      claim: ["access", "roles"],
      map: { look: "viewer", work: "operator", run: "admin", own: "owner" },
      max: "admin",
    },
    scopes: { map: { "secrets:read": ["secrets.list", "secrets.read", "versions.read"] } },
    ...change,
  };
}
