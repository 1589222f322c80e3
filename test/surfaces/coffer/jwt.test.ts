// JWTs of a configured issuer, on the real servers and over every protocol.
import { createHmac } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { exportSPKI, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SecretService } from "../../../gen/coffer/v1/secret_service_pb.ts";
import { Role, TokenService } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { startCoffer, type TestCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid } from "../../support/errors.ts";
import { entryOf, type JwtIssuer, newKey, startIssuer, writeIssuersFile } from "../../support/jwt-issuer.ts";
import { byId, createSecret, data, newName, present, readText } from "../../support/secrets.ts";
import { protocols, transportFor } from "../../support/transports.ts";

let coffer: TestCoffer;
let issuer: JwtIssuer;
let rsa: JwtIssuer;
let home: string;
let removeFile: () => void;
beforeAll(async () => {
  issuer = await startIssuer();
  rsa = await startIssuer("RS256");
  const { path, remove } = writeIssuersFile({ issuers: [entryOf(issuer), entryOf(rsa)] });
  removeFile = remove;
  coffer = await startCoffer({ env: { COFFER_JWT_ISSUERS_FILE: path } });
  home = (await coffer.clients().tokens.whoAmI({})).workspaceId;
});
afterAll(async () => {
  await coffer.close();
  for (const each of [issuer, rsa]) await each.stop();
  removeFile();
});

const claims = (change: object = {}) => ({ workspaces: [home], access: { roles: ["work"] }, ...change });
const sign = (change: object = {}) => issuer.sign(claims(change));
const whoAmI = (token: string, workspaceId = "") => coffer.clients(token).tokens.whoAmI({ workspaceId });

describe("succeeds", () => {
  it.each(protocols)("over %s", async (protocol) => {
    const transport = transportFor(protocol, coffer.url, await sign());
    const secret = await createSecret(coffer);
    const found = await createClient(SecretService, transport).getSecret(byId(secret.id));
    expect(found.secret?.id).toBe(secret.id);
    expect(await createClient(TokenService, transport).whoAmI({})).toMatchObject({
      workspaceId: home,
      role: Role.OPERATOR,
    });
  });

  it("over REST, as a bearer and in its other places", async () => {
    const { id } = await createSecret(coffer);
    const token = await sign();
    expect((await coffer.fetch(`/v1/secrets/${id}`, { token })).status).toBe(200);
    for (const headers of [{ authorization: `Token ${token}` }, { "x-api-key": token }]) {
      const response = await coffer.fetch(`/v1/secrets/${id}`, { token: null, headers: headers as never });
      expect(response.status).toBe(200);
    }
  });

  it("with RSA, of another issuer with the same subject, who is another principal", async () => {
    const here = await whoAmI(await sign());
    const there = await whoAmI(await rsa.sign(claims()));
    expect(there.role).toBe(Role.OPERATOR);
    expect(there.principalId).not.toBe(here.principalId);
  });

  it("as a principal that is the same for every token of one subject, and stands in the audit trail", async () => {
    const [first, second] = [await whoAmI(await sign()), await whoAmI(await sign({ jti: "other" }))];
    expect(first.principalId).toMatch(/^prn_jwt_[0-9a-hjkmnp-tv-z]{26}$/);
    expect(second.principalId).toBe(first.principalId);
    expect(second.tokenId).toMatch(/^jwt_/);
    expect(second.tokenId).not.toBe(first.tokenId);
    expect((await whoAmI(await sign({ sub: "bob" }))).principalId).not.toBe(first.principalId);
    const token = await sign({ sub: "writer" });
    const { principalId, tokenId } = await whoAmI(token);
    const secret = await createSecret(coffer, {}, token);
    expect(
      await coffer.sql("select principal_id, token_id from audit_event where resource_id = $1", [secret.id]),
    ).toEqual([{ principal_id: principalId, token_id: tokenId }]);
    expect(await coffer.sql("select kind, display_name from principal where principal_id = $1", [principalId])).toEqual(
      [{ kind: "USER", display_name: `writer of ${issuer.issuer}` }],
    );
  });

  it("in the workspaces of its claim that exist, chosen by workspace_id or akua-context", async () => {
    const { workspaceId: away } = await otherWorkspace(coffer);
    const token = await sign({ workspaces: [home, away, "ws_unknown", 7] });
    for (const workspaceId of [home, away]) {
      expect(await whoAmI(token, workspaceId)).toMatchObject({ workspaceId, role: Role.OPERATOR });
    }
    await expectError(coffer.clients(token).secrets.listSecrets({}), { reason: "WORKSPACE_REQUIRED" });
    await expectError(coffer.clients(token).secrets.listSecrets({ workspaceId: "ws_unknown" }), {
      reason: "WORKSPACE_NOT_REACHED",
    });
    const { id } = await createSecret(coffer);
    const get = (context: string) => coffer.fetch(`/v1/secrets/${id}`, { token, headers: { "akua-context": context } });
    expect([(await get(home)).status, (await get(away)).status]).toEqual([200, 404]);
  });

  it("with the highest role of its claim, and never more than the configured one", async () => {
    for (const [roles, role] of [
      [["look"], Role.VIEWER],
      [["look", "work", "unknown"], Role.OPERATOR],
      ["run", Role.ADMIN],
      [["own"], Role.ADMIN],
    ] as const) {
      expect((await whoAmI(await sign({ access: { roles } }))).role).toBe(role);
    }
    await expectError(
      coffer.clients(await sign({ access: { roles: ["own"] } })).workspaces.createWorkspace({ displayName: "w" }),
      denied("workspace.create"),
    );
  });

  it("narrowed by the scopes of its claim, in coffer's words and the issuer's, and by words unknown to nothing", async () => {
    const permissions = async (scope: unknown) => (await whoAmI(await sign({ scope }))).permissions;
    expect(await permissions("openid versions.access")).toEqual(["versions.access"]);
    expect(await permissions("secrets:read")).toEqual(["secrets.list", "secrets.read", "versions.read"]);
    expect(await permissions(["secrets.read", "tokens.*"])).toEqual(["secrets.read"]);
    for (const scope of ["", "openid profile", [], 7, null]) expect(await permissions(scope)).toEqual([]);
  });

  it("makes tokens for service principals that do not outlast it, and none for itself", async () => {
    const token = await sign({ access: { roles: ["run"] } });
    const { tokens } = coffer.clients(token);
    await expectError(tokens.createToken({ displayName: "mine" }), invalid("role"));
    const { apiToken } = await tokens.createToken({ displayName: "ci", role: Role.OPERATOR });
    const exp = JSON.parse(Buffer.from(token.split(".")[1] as string, "base64url").toString()).exp;
    expect(Number(present(apiToken?.expireTime).seconds)).toBe(exp);
    await expectError(tokens.createToken({ displayName: "o", role: Role.OWNER }), { reason: "GRANT_EXCEEDS_CALLER" });
  });

  it("replays its calls across its tokens: the principal is the same", async () => {
    const request = { name: newName(), value: data("v") };
    const headers = { "idempotency-key": "across" };
    const ids: string[] = [];
    for (const jti of ["a", "b"]) {
      const { secrets } = coffer.clients(await sign({ jti }));
      ids.push(present((await secrets.createSecret(request, { headers })).secret).id);
    }
    expect(ids[1]).toBe(ids[0]);
    expect(await readText(coffer, { id: ids[0] as string })).toBe("v");
  });

  it("without any role or workspace as somebody who may do nothing", async () => {
    for (const change of [{ access: {} }, { access: { roles: ["unknown"] } }, { workspaces: [] }, { workspaces: 7 }]) {
      const token = await sign(change);
      expect(await whoAmI(token)).toMatchObject({ workspaceId: "", role: Role.UNSPECIFIED, permissions: [] });
      await expectError(coffer.clients(token).secrets.listSecrets({}), denied("secrets.list"));
    }
  });
});

describe("denies", () => {
  const now = () => Math.floor(Date.now() / 1000);
  /** A token with more in its header, signed with the issuer's own key. */
  const forge = (header: object) => issuer.sign(claims(), { header });
  const parts = async () => (await sign()).split(".") as [string, string, string];
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const fullClaims = () => ({ ...claims(), iss: issuer.issuer, aud: "coffer", sub: "ada", exp: now() + 60 });

  const refused: Record<string, () => Promise<string>> = {
    "of another issuer": () => sign({ iss: "https://elsewhere.example" }),
    "of an issuer that differs by a slash": () => sign({ iss: issuer.issuer.slice(0, -1) }),
    "of an issuer that is a list": () => sign({ iss: [issuer.issuer] }),
    "without an issuer": () => sign({ iss: undefined }),
    "for another audience": () => sign({ aud: "other" }),
    "for an audience that differs in case": () => sign({ aud: "Coffer" }),
    "without an audience": () => sign({ aud: undefined }),
    "that has expired": () => sign({ exp: now() - 10 }),
    "without an end": () => sign({ exp: undefined }),
    "whose end is a text": () => sign({ exp: String(now() + 60) }),
    "whose end is beyond all calendars": () => sign({ exp: 1e300 }),
    "that is not valid yet": () => sign({ nbf: now() + 30 }),
    "without a subject": () => sign({ sub: undefined }),
    "whose subject is empty": () => sign({ sub: "" }),
    "whose subject is a number": () => sign({ sub: 7 }),
    "whose subject holds a control character": () => sign({ sub: "a\u0000b" }),
    "whose subject is too long": () => sign({ sub: "x".repeat(256) }),
    "with alg none": async () => new UnsecuredJWT(fullClaims()).encode(),
    "with alg none and a signature": async () =>
      `${encode({ alg: "none" })}.${encode(fullClaims())}.${(await parts())[2]}`,
    "with alg NONE in other letters": async () =>
      `${encode({ alg: "nOnE" })}.${encode(fullClaims())}.${(await parts())[2]}`,
    "with HS256 and the public key as its secret": async () => {
      const signed = `${encode({ alg: "HS256", kid: issuer.key.kid })}.${encode(fullClaims())}`;
      const key = await exportSPKI(issuer.key.publicKey);
      return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
    },
    "with an algorithm that this issuer may not use": () => rsa.sign({ ...claims(), iss: issuer.issuer }),
    "of another key under a known id": async () => {
      const other = await newKey("ES256", issuer.key.kid);
      return issuer.sign(claims(), { key: other });
    },
    "of another issuer's key": async () => rsa.sign({ ...fullClaims(), iss: issuer.issuer }),
    "that brings its key along": async () => forge({ jwk: issuer.key.jwk }),
    "that says where its key is": async () => forge({ jku: issuer.jwksUrl }),
    "that says where its certificate is": async () => forge({ x5u: "https://elsewhere.example" }),
    "that brings a certificate along": async () => forge({ x5c: ["MIIB"] }),
    "with a critical extension": async () =>
      `${encode({ alg: "ES256", kid: issuer.key.kid, crit: ["x"], x: 1 })}.${(await parts()).slice(1).join(".")}`,
    "with an unencoded payload": async () =>
      `${encode({ alg: "ES256", kid: issuer.key.kid, b64: false, crit: ["b64"] })}.${(await parts()).slice(1).join(".")}`,
    "of another type": async () => forge({ typ: "logout+jwt" }),
    "whose key id is no text": async () => `${encode({ alg: "ES256", kid: 7 })}.${(await parts()).slice(1).join(".")}`,
    "whose claims were changed": async () => {
      const [header, , signature] = await parts();
      return `${header}.${encode({ ...fullClaims(), access: { roles: ["run"] } })}.${signature}`;
    },
    "whose claims are a list": async () => `${(await parts())[0]}.${encode([])}.${(await parts())[2]}`,
    "with padding": async () => `${(await parts()).join("=.")}==`,
    "with a trailing dot": async () => `${await sign()}.`,
    "with four parts": async () => `${await sign()}.e30`,
    "with two parts": async () => (await parts()).slice(0, 2).join("."),
    "without its signature": async () => `${(await parts()).slice(0, 2).join(".")}.`,
    "in ordinary base64": async () => (await sign()).replaceAll("-", "+").replaceAll("_", "/").concat("+"),
    "with unused bits that are set": async () => {
      const [header, payload, signature] = await parts();
      return `${header}.${payload}.${withUnusedBit(signature)}`;
    },
    "that is too long": async () => sign({ filler: "x".repeat(9_000) }),
  };

  it.each(Object.entries(refused))("one %s: 401, in the same words for all", async (_what, make) => {
    const token = await make();
    const response = await coffer.fetch("/coffer.v1.TokenService/WhoAmI", { token, json: {} });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    expect(await response.json()).toMatchObject({
      code: "unauthenticated",
      message: "the credential is not valid",
      details: [{ debug: { reason: "CREDENTIAL_INVALID" } }],
    });
    // The next one is judged by itself: nothing was learned from a refused one.
    expect((await whoAmI(await sign())).workspaceId).toBe(home);
  });

  it("within the allowed skew lets one through that has just expired or is just not valid yet", async () => {
    expect((await whoAmI(await sign({ exp: now() - 2 }))).workspaceId).toBe(home);
    expect((await whoAmI(await sign({ nbf: now() + 2 }))).workspaceId).toBe(home);
  });

  it("one that has been let in before, as soon as it expires", async () => {
    const token = await sign({ exp: now() - 3 });
    expect((await whoAmI(token)).workspaceId).toBe(home);
    await expect
      .poll(
        () =>
          whoAmI(token).then(
            () => "let in",
            () => "refused",
          ),
        { timeout: 5_000 },
      )
      .toBe("refused");
  });

  it("spaces in and around it", async () => {
    const token = await sign();
    for (const authorization of [`Bearer ${token.replace(".", " .")}`, `Bearer ${token} x`, `Bearer\t${token}`]) {
      const response = await coffer.fetch("/coffer.v1.TokenService/WhoAmI", {
        token: null,
        headers: { authorization },
        json: {},
      });
      expect(response.status).toBe(401);
    }
  });

  it("and never shows a token in the log", async () => {
    const token = await sign({ sub: "canary" });
    await whoAmI(token);
    const log = coffer.logLines.join("\n");
    for (const part of token.split(".").slice(1)) expect(log).not.toContain(part);
    expect(log).not.toContain("canary");
  });
});

/** The same bytes for a decoder that is not strict: 64 bytes end in a character of which only two bits count. */
function withUnusedBit(signature: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(signature.slice(-1));
  const other = signature.slice(0, -1) + alphabet[last | 1];
  if (other === signature || !Buffer.from(other, "base64url").equals(Buffer.from(signature, "base64url"))) {
    throw new Error("not another spelling of the same bytes");
  }
  return other;
}
