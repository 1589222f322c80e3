// Reads single settings from environment variables. Fails with a StartupError that names the variable. Empty variables count as unset.
import { readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import { StartupError } from "../domain/error/startup-error.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export function text(env: Environment, name: string): string | undefined {
  return env[name] || undefined;
}

export function integer(env: Environment, name: string, rule: { byDefault: number; min: number; max: number }): number {
  const given = text(env, name);
  if (given === undefined) return rule.byDefault;
  const value = /^[0-9]{1,9}$/.test(given) ? Number(given) : Number.NaN;
  if (value >= rule.min && value <= rule.max) return value;
  throw new StartupError(`${name} must be a whole number from ${rule.min} to ${rule.max}`);
}

/** The first one is the default. */
export function oneOf<const Choice extends string>(
  env: Environment,
  name: string,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  const given = text(env, name) ?? choices[0];
  const found = choices.find((choice) => choice === given);
  if (found === undefined) throw new StartupError(`${name} must be one of ${choices.join(", ")}`);
  return found;
}

/** Errors do not show the URL, because it may hold a password. */
export function url(env: Environment, name: string, protocols: readonly string[]): string | undefined {
  const given = text(env, name);
  if (given === undefined) return undefined;
  if (protocols.some((known) => given.startsWith(`${known}//`))) return given;
  throw new StartupError(`${name} must begin with ${protocols.map((known) => `${known}//`).join(" or ")}`);
}

export function word(env: Environment, name: string): string | undefined {
  const given = text(env, name);
  if (given === undefined || /^[\w.:-]{1,64}$/.test(given)) return given;
  throw new StartupError(`${name} must be 1 to 64 letters, digits and . : _ -`);
}

export function secretFile(env: Environment, name: string): string | undefined {
  const path = text(env, name);
  if (path === undefined) return undefined;
  const secret = readText(name, path).replace(/\r?\n$/, "");
  if (secret === "") throw new StartupError(`${name}: the file ${path} is empty`);
  return secret;
}

export function readText(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new StartupError(`${name}: the file ${path} cannot be read`, { cause });
  }
}

export function serviceUrl(env: Environment, name: string): string | undefined {
  const given = url(env, name, ["https:", "http:"]);
  if (given === undefined) return undefined;
  const { username, password } = URL.parse(given) ?? {};
  if (username === "" && password === "" && !/[?#]/.test(given)) return given.replace(/\/+$/, "");
  throw new StartupError(`${name} must be a URL without a user, a password and a query`);
}

export function addresses(env: Environment, name: string): BlockList {
  const ranges = new BlockList();
  for (const entry of list(text(env, name) ?? "")) {
    const [address = "", bits, ...rest] = entry.split("/");
    const family = isIP(address);
    const bitsMax = family === 4 ? 32 : 128;
    const prefix = bits === undefined ? bitsMax : /^[0-9]{1,3}$/.test(bits) ? Number(bits) : -1;
    if (family === 0 || prefix < 0 || prefix > bitsMax || rest.length > 0) {
      throw new StartupError(`${name} must be addresses or CIDR ranges, separated by commas`);
    }
    ranges.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
  }
  return ranges;
}

export function list(given: string): string[] {
  return given
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}
