// Reads and checks the file of trusted issuers. Any mistake in it is one line and stops the start.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isScope, type Role, roles } from "../domain/access/permission.ts";
import { StartupError } from "../domain/error/startup-error.ts";
import { isId } from "../domain/ids.ts";
import { asymmetricAlgorithms, type ClaimPath, type JwtIssuer, type RoleRule, type WorkspaceRule } from "./issuer.ts";
import { type Json, type ObjectReader, readObject } from "./json-reader.ts";
import { parseKeySet, weaknessIn } from "./key-set.ts";

/** `setting` is the environment variable with the path of the file. Fails with a StartupError. */
export function readIssuers(setting: string, path: string): readonly JwtIssuer[] {
  const file = readObject(parseFile(setting, path), setting);
  const issuers = file.objects("issuers").map((reader) => readIssuer(reader, dirname(resolve(path))));
  file.done();
  if (new Set(issuers.map(({ issuer }) => issuer)).size < issuers.length) {
    throw new StartupError(`${setting}.issuers names an issuer twice`);
  }
  return issuers;
}

function parseFile(setting: string, path: string): Json {
  const text = readText(setting, path);
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new StartupError(`${setting}: the file ${path} is not valid JSON`, { cause });
  }
}

function readText(setting: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new StartupError(`${setting}: the file ${path} cannot be read`, { cause });
  }
}

const secondsPerHour = 3_600;

function readIssuer(reader: ObjectReader, folder: string): JwtIssuer {
  const issuer: JwtIssuer = {
    issuer: httpsUrl(reader, "issuer"),
    audiences: reader.textList("audience"),
    algorithms: readAlgorithms(reader),
    keys: readKeySetLocation(reader, folder),
    keysMaxAgeMs: 1000 * reader.integer("jwksMaxAgeSeconds", { byDefault: secondsPerHour, min: 1, max: 86_400 }),
    clockSkewSeconds: reader.integer("clockSkewSeconds", { byDefault: 30, min: 0, max: 60 }),
    subjectClaim: reader.has("subjectClaim") ? claimPath(reader, "subjectClaim") : ["sub"],
    workspaces: readWorkspaces(reader.object("workspaces")),
    role: readRole(reader.object("role")),
    scopes: readScopes(reader),
  };
  reader.done();
  return issuer;
}

function readAlgorithms(reader: ObjectReader): string[] {
  const algorithms = reader.textList("algorithms");
  if (algorithms.every((algorithm) => asymmetricAlgorithms.includes(algorithm))) return algorithms;
  throw reader.fail("algorithms", `must be some of ${asymmetricAlgorithms.join(", ")}`);
}

function readKeySetLocation(reader: ObjectReader, folder: string): JwtIssuer["keys"] {
  if (reader.has("jwksUrl") === reader.has("jwksFile")) {
    throw new StartupError(`${reader.path} must have either jwksUrl or jwksFile`);
  }
  if (reader.has("jwksUrl")) return { url: httpsUrl(reader, "jwksUrl") };
  const file = resolve(folder, reader.text("jwksFile"));
  const text = readText(`${reader.path}.jwksFile`, file);
  let weakness: string | undefined;
  try {
    weakness = weaknessIn(text);
    if (weakness === undefined) parseKeySet(text);
  } catch {
    throw reader.fail("jwksFile", "must name a JSON Web Key Set with a public key that verifies signatures");
  }
  if (weakness !== undefined) throw reader.fail("jwksFile", `must hold strong keys only: ${weakness}`);
  return { file };
}

function httpsUrl(reader: ObjectReader, name: string): string {
  const text = reader.text(name);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  if (isSafe && url.username === "" && url.password === "" && url.hash === "") return text;
  throw reader.fail(name, "must be an https URL (http only on this machine) without user and fragment");
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** A text is one name, including its dots. A list is a path through objects. */
function claimPath(reader: ObjectReader, name: string): ClaimPath {
  return reader.textList(name);
}

function readWorkspaces(reader: ObjectReader): WorkspaceRule {
  if (reader.has("ids") === reader.has("claim")) throw new StartupError(`${reader.path} must have either ids or claim`);
  const rule: WorkspaceRule = reader.has("ids")
    ? { ids: workspaceIds(reader, "ids") }
    : {
        claim: claimPath(reader, "claim"),
        allowed: reader.value("allowed") === "*" ? "*" : workspaceIds(reader, "allowed"),
      };
  reader.done();
  return rule;
}

function workspaceIds(reader: ObjectReader, name: string): string[] {
  const ids = reader.textList(name);
  if (ids.every((id) => isId("ws", id))) return ids;
  throw reader.fail(name, "must be ids of workspaces (ws_…)");
}

function readRole(reader: ObjectReader): RoleRule {
  if (reader.has("fixed") === reader.has("claim"))
    throw new StartupError(`${reader.path} must have either fixed or claim`);
  const rule: RoleRule = reader.has("fixed")
    ? { fixed: readRoleName(reader, "fixed") }
    : {
        claim: claimPath(reader, "claim"),
        map: mapOf(reader.object("map"), readRoleName),
        byDefault: reader.has("default") ? readRoleName(reader, "default") : undefined,
        max: readRoleName(reader, "max"),
      };
  reader.done();
  return rule;
}

function readRoleName(reader: ObjectReader, name: string): Role {
  const role = roles.find((known) => known.toLowerCase() === reader.value(name));
  if (role === undefined) throw reader.fail(name, "must be member, viewer, operator, admin or owner");
  return role;
}

/** `false` disables it. By default the usual claim narrows. */
function readScopes(reader: ObjectReader): JwtIssuer["scopes"] {
  if (reader.value("scopes") === false) return undefined;
  if (!reader.has("scopes")) return { claim: ["scope"], map: new Map() };
  const scopes = reader.object("scopes");
  const claim = scopes.has("claim") ? claimPath(scopes, "claim") : ["scope"];
  const map = scopes.has("map") ? mapOf(scopes.object("map"), readScopeNames) : new Map<string, string[]>();
  scopes.done();
  return { claim, map };
}

function readScopeNames(reader: ObjectReader, name: string): string[] {
  const names = reader.textList(name);
  if (names.every(isScope)) return names;
  throw reader.fail(name, "must be permissions, `<group>.*` or `*`");
}

function mapOf<T>(reader: ObjectReader, read: (reader: ObjectReader, name: string) => T): ReadonlyMap<string, T> {
  return new Map(reader.names().map((name) => [name, read(reader, name)]));
}
