// Reads the options of all commands.
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { type Role, roles } from "../domain/access/permission.ts";
import { type Tier, tiers } from "../domain/workspace/workspace.ts";
import { UsageError } from "./usage.ts";

export interface Options {
  json: boolean;
  name?: string;
  workspace?: string;
  everyWorkspace: boolean;
  role?: Role;
  tier?: Tier;
  scopes: string[];
  expiresInMs?: number;
  /** A file with an output of `coffer audit head --json`. */
  head?: string;
}

const texts = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const known = {
  json: flag,
  help: flag,
  name: texts,
  workspace: texts,
  "every-workspace": flag,
  role: texts,
  tier: texts,
  scope: { type: "string", multiple: true },
  "expires-in": texts,
  head: texts,
} as const satisfies ParseArgsOptionsConfig;

export type OptionName = keyof typeof known;

/** `words`: the arguments that are not options. Fails with a UsageError. */
export function readArguments(argv: readonly string[]): { words: string[]; given: OptionName[]; options: Options } {
  const { values, positionals } = parse(argv);
  const { name, workspace, role, tier, head } = values;
  const expiresIn = values["expires-in"];
  if (name !== undefined && !/^\P{Cc}{1,200}$/u.test(name))
    throw new UsageError("--name must have 1 to 200 characters");
  const options: Options = {
    json: values.json ?? false,
    everyWorkspace: values["every-workspace"] ?? false,
    scopes: values.scope ?? [],
    ...(head === undefined ? {} : { head }),
    ...(name === undefined ? {} : { name }),
    ...(workspace === undefined ? {} : { workspace }),
    ...(role === undefined ? {} : { role: roleOf(role) }),
    ...(tier === undefined ? {} : { tier: tierOf(tier) }),
    ...(expiresIn === undefined ? {} : { expiresInMs: durationMs(expiresIn) }),
  };
  return { words: positionals, given: Object.keys(values) as OptionName[], options };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: known, allowPositionals: true });
  } catch (error) {
    // Only the first sentence. The rest is advice about `--`.
    const [message = ""] = (error as Error).message.split(". ");
    throw new UsageError(message.replaceAll(/\s+/g, " "));
  }
}

function roleOf(text: string): Role {
  const role = roles.find((each) => each.toLowerCase() === text);
  if (!role) throw new UsageError("--role must be member, viewer, operator, admin or owner");
  return role;
}

function tierOf(text: string): Tier {
  const tier = tiers.find((each) => each.toLowerCase() === text);
  if (!tier) throw new UsageError("--tier must be free, pro or enterprise");
  return tier;
}

const unitsMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

function durationMs(text: string): number {
  const [, count, unit = ""] = /^([1-9][0-9]{0,6})([smhdw])$/.exec(text) ?? [];
  const unitMs = unitsMs[unit];
  if (unitMs === undefined) throw new UsageError("--expires-in must be a number and one of s, m, h, d and w");
  return Number(count) * unitMs;
}
