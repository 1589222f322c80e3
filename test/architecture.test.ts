// Holds the arrows down: http → rpc → surfaces → operations → store · redis · envelope · external-vault → domain.
import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, test } from "vitest";

/** The rules. A room is a folder of src/; whatever lies in none is named by its file. */
const rules = {
  /** What each room may import besides itself: rooms to its right. */
  rooms: {
    http: ["wire", "rpc", "surfaces", "domain"],
    rpc: ["surfaces", "operations", "redis", "domain"],
    surfaces: ["operations", "domain"],
    operations: ["store", "redis", "envelope", "external-vault", "jwt", "probes", "domain"],
    store: ["domain"],
    redis: ["domain"],
    envelope: ["domain"],
    jwt: ["domain"],
    "external-vault": ["net-guard", "domain"],
    probes: ["net-guard", "domain"],
    "net-guard": [],
    domain: [],
    jobs: ["operations", "store", "domain"],
    embedded: ["domain"],
    egress: ["wire", "operations", "net-guard", "domain"],
    // What the API's port and the proxy's have in common.
    wire: [],
    cli: ["operations", "store", "redis", "envelope", "embedded", "domain"],
    // These wire everything by hand.
    "src/main.ts": "anything",
    "src/program.ts": "anything",
    "src/start.ts": "anything",
    "src/workers.ts": "anything",
    "src/first-workspace.ts": "anything",
    "src/app.ts": "anything",
    "src/egress-app.ts": "anything",
    "src/open-redis.ts": "anything",
    "src/server.ts": "anything",
    "src/config.ts": "anything",
    "src/settings.ts": ["domain"],
    "src/deps.ts": "anything",
    "src/log.ts": [],
  },
  /** What only some may import; a name that ends in `/` stands for all below it. */
  reserved: [
    { target: "src/main.ts", for: [] },
    { target: "src/program.ts", for: ["src/main.ts"] },
    { target: "src/start.ts", for: ["src/program.ts", "src/workers.ts"] },
    { target: "src/workers.ts", for: ["src/program.ts"] },
    { target: "src/first-workspace.ts", for: ["src/start.ts"] },
    { target: "src/app.ts", for: ["src/program.ts", "src/start.ts"] },
    { target: "src/server.ts", for: ["src/app.ts"] },
    { target: "src/settings.ts", for: ["src/config.ts"] },
    { target: "src/egress-app.ts", for: ["src/start.ts"] },
    { target: "src/open-redis.ts", for: ["src/app.ts", "src/egress-app.ts"] },
    {
      target: "src/log.ts",
      for: ["program", "start", "workers", "app", "egress-app", "open-redis", "server"].map((name) => `src/${name}.ts`),
    },
    { target: "gen/", for: ["rpc", "surfaces", "http", "src/server.ts"] },
    { target: "jose", for: ["jwt", "probes"] },
    { target: "pino", for: ["src/log.ts"] },
    { target: "pg", for: ["store", "embedded"] },
    { target: "ioredis", for: ["redis"] },
    { target: "rate-limiter-flexible", for: ["redis"] },
    { target: "@1password/", for: ["external-vault"] },
    { target: "@peculiar/x509", for: ["operations"] },
    { target: "reflect-metadata", for: ["operations"] },
    { target: "aws4fetch", for: ["probes"] },
    { target: "@noble/curves/", for: ["envelope"] },
    { target: "prom-client", for: ["egress"] },
    { target: "@connectrpc/", for: ["http", "rpc", "surfaces", "src/server.ts"] },
    { target: "@bufbuild/", for: ["http", "rpc", "surfaces", "src/server.ts"] },
  ],
  /** May be imported by every room that is not pure, as types. */
  typesForAll: ["src/deps.ts", "src/config.ts"],
  /** What the pure rooms may import from outside: no clock, no network, no randomness of their own. */
  pure: {
    domain: ["node:util", "tldts"],
    envelope: ["node:crypto", "node:fs", "node:path", "@noble/curves/"],
  },
  /** What may be written in one file only. */
  written: [{ pattern: /\bas\s+(?:unknown\s+as\s+)?\w*Grant\b/, only: "src/operations/authorize.ts" }],
} satisfies {
  rooms: Record<string, string[] | "anything">;
  reserved: { target: string; for: string[] }[];
  typesForAll: string[];
  pure: Record<string, string[]>;
  written: { pattern: RegExp; only: string }[];
};

/** `to` is a file of this repository, a package or a `node:` module. */
interface Edge {
  from: string;
  to: string;
  typeOnly: boolean;
}

const root = join(import.meta.dirname, "..");
const sources = new Map(
  globSync("src/**/*.ts", { cwd: root }).map((path) => {
    const file = path.replaceAll("\\", "/");
    return [file, readFileSync(join(root, file), "utf8")] as const;
  }),
);
const edges = [...sources].flatMap(([file, text]) => edgesOf(file, text));

describe("the sources", () => {
  test("are found, and their imports with them", () => {
    expect(sources.size).toBeGreaterThan(20);
    expect(edges.length).toBeGreaterThan(sources.size);
    const missing = edges.filter(({ to }) => to.startsWith("src/") && !sources.has(to));
    expect(missing).toEqual([]);
  });

  test("import along the arrows only", () => {
    expect(edges.flatMap(violations)).toEqual([]);
  });

  test("have no import cycle", () => {
    expect(findCycle(edges)).toBeUndefined();
  });

  test("do what is reserved for one file nowhere else", () => {
    expect([...sources].flatMap(([file, text]) => misplaced(file, text))).toEqual([]);
  });
});

describe("the checker", () => {
  const bad: [from: string, to: string, typeOnly?: "type"][] = [
    ["src/domain/secret.ts", "src/store/secrets.ts"],
    ["src/domain/secret.ts", "src/deps.ts", "type"],
    ["src/domain/secret.ts", "node:crypto"],
    ["src/domain/secret.ts", "node:fs"],
    ["src/domain/secret.ts", "@bufbuild/protobuf"],
    ["src/domain/secret.ts", "src/store/secrets.ts", "type"],
    ["src/envelope/aead.ts", "src/store/secrets.ts"],
    ["src/envelope/aead.ts", "node:http"],
    ["src/store/secrets.ts", "src/operations/mutation.ts"],
    ["src/store/secrets.ts", "src/envelope/envelope.ts"],
    ["src/store/secrets.ts", "src/redis/connection.ts"],
    ["src/redis/connection.ts", "src/store/database.ts"],
    ["src/redis/connection.ts", "pg"],
    ["src/operations/mutation.ts", "src/surfaces/coffer/secrets.ts"],
    ["src/operations/mutation.ts", "src/rpc/context.ts"],
    ["src/operations/mutation.ts", "gen/coffer/v1/secret_pb.ts"],
    ["src/operations/mutation.ts", "@connectrpc/connect"],
    ["src/operations/mutation.ts", "pg"],
    ["src/operations/mutation.ts", "ioredis"],
    ["src/operations/mutation.ts", "src/deps.ts"],
    ["src/operations/mutation.ts", "src/config.ts"],
    ["src/operations/mutation.ts", "src/jobs/runner.ts"],
    ["src/surfaces/coffer/secrets.ts", "src/store/secrets.ts"],
    ["src/surfaces/coffer/secrets.ts", "src/rpc/context.ts"],
    ["src/surfaces/coffer/secrets.ts", "src/http/server.ts"],
    ["src/rpc/observe.ts", "src/http/server.ts"],
    ["src/rpc/rate-limit.ts", "rate-limiter-flexible"],
    ["src/rpc/authenticate.ts", "src/store/api-tokens.ts"],
    ["src/http/server.ts", "src/operations/mutation.ts"],
    ["src/http/server.ts", "src/app.ts"],
    ["src/http/server.ts", "src/app.ts", "type"],
    ["src/embedded/cluster.ts", "src/store/database.ts"],
    ["src/jobs/runner.ts", "src/rpc/errors.ts"],
    ["src/cli/run.ts", "src/http/server.ts"],
    ["src/cli/run.ts", "src/app.ts"],
    ["src/operations/mutation.ts", "src/cli/run.ts"],
    ["src/operations/tokens/authenticate.ts", "jose"],
    ["src/probes/hcloud.ts", "src/store/secrets.ts"],
    ["src/probes/hcloud.ts", "src/operations/mutation.ts"],
    ["src/operations/mutation.ts", "aws4fetch"],
    ["src/net-guard/dial.ts", "src/domain/secret.ts"],
    ["src/operations/mutation.ts", "src/net-guard/dial.ts"],
    ["src/app.ts", "src/main.ts"],
    ["src/config.ts", "src/app.ts"],
    ["src/app.ts", "src/start.ts"],
    ["src/store/database.ts", "src/log.ts", "type"],
    ["src/rpc/observe.ts", "pino"],
    ["src/deps.ts", "pg", "type"],
    ["src/deps.ts", "gen/coffer/v1/secret_pb.ts"],
    ["src/helpers/misc.ts", "src/domain/errors.ts"],
    ["src/util.ts", "src/domain/errors.ts"],
  ];

  test.each(bad)("catches %s → %s", (from, to, typeOnly) => {
    expect(violations({ from, to, typeOnly: typeOnly === "type" })).not.toEqual([]);
  });

  const good: [from: string, to: string, typeOnly?: "type"][] = [
    ["src/http/server.ts", "src/rpc/errors.ts"],
    ["src/http/server.ts", "src/http/body.ts"],
    ["src/http/server.ts", "node:http"],
    ["src/rpc/authenticate.ts", "src/operations/tokens/authenticate.ts"],
    ["src/surfaces/coffer/secrets.ts", "gen/coffer/v1/secret_pb.ts"],
    ["src/operations/mutation.ts", "src/store/idempotency.ts"],
    ["src/operations/mutation.ts", "src/deps.ts", "type"],
    ["src/store/database.ts", "pg"],
    ["src/envelope/aead.ts", "node:crypto"],
    ["src/domain/sensitive.ts", "node:util"],
    ["src/app.ts", "src/store/database.ts"],
    ["src/program.ts", "src/start.ts"],
  ];

  test.each(good)("lets %s → %s be", (from, to, typeOnly) => {
    expect(violations({ from, to, typeOnly: typeOnly === "type" })).toEqual([]);
  });

  test("reads every form of import", () => {
    const text = `
import "./effect.ts";
import one from "./one.ts";
import type { Two } from "../store/two.ts";
import {
  three,
  type Three,
} from '../three.ts';
import four, * as fours from "./four.ts";
export { five } from "node:fs";
export * from "./six.ts";
export type { Seven } from "@scope/seven/deep";
const eight = await import("./eight.ts");
// import "./not-this.ts";
export const text = 'from "./nor-this.ts"';
`;
    expect(edgesOf("src/domain/x.ts", text)).toEqual([
      { from: "src/domain/x.ts", to: "src/domain/effect.ts", typeOnly: false },
      { from: "src/domain/x.ts", to: "src/domain/one.ts", typeOnly: false },
      { from: "src/domain/x.ts", to: "src/store/two.ts", typeOnly: true },
      { from: "src/domain/x.ts", to: "src/three.ts", typeOnly: false },
      { from: "src/domain/x.ts", to: "src/domain/four.ts", typeOnly: false },
      { from: "src/domain/x.ts", to: "node:fs", typeOnly: false },
      { from: "src/domain/x.ts", to: "src/domain/six.ts", typeOnly: false },
      { from: "src/domain/x.ts", to: "@scope/seven/deep", typeOnly: true },
      { from: "src/domain/x.ts", to: "src/domain/eight.ts", typeOnly: false },
    ]);
  });

  test("finds cycles of any length, but not between types", () => {
    const cycle = ["a", "b", "c", "a"].map((name) => `src/${name}.ts`);
    const around = cycle.slice(1).map((to, index) => ({ from: cycle[index] ?? "", to, typeOnly: false }));
    expect(findCycle(around)).toEqual(cycle);
    expect(findCycle([{ from: "src/a.ts", to: "src/a.ts", typeOnly: false }])).toEqual(["src/a.ts", "src/a.ts"]);
    expect(findCycle(around.slice(1))).toBeUndefined();
    expect(findCycle(around.map((edge, index) => ({ ...edge, typeOnly: index === 0 })))).toBeUndefined();
  });

  test("catches a grant that is made elsewhere", () => {
    const text = 'return { permission } as Grant<"secrets.read">;';
    expect(misplaced("src/store/secrets.ts", text)).not.toEqual([]);
    expect(misplaced("src/store/secrets.ts", text.replace("as", "as unknown as"))).not.toEqual([]);
    expect(misplaced("src/operations/authorize.ts", text)).toEqual([]);
  });
});

function violations({ from, to, typeOnly }: Edge): string[] {
  const complain = (why: string) => [`${from} → ${to}: ${why}`];
  const room = roomOf(from);
  const allowed: readonly string[] | "anything" | undefined = lookUp(rules.rooms, room);
  if (allowed === undefined) return complain(`${room} is no room`);

  const reserved = rules.reserved.find(({ target }) => (target.endsWith("/") ? to.startsWith(target) : to === target));
  if (reserved !== undefined) {
    const holders: readonly string[] = reserved.for;
    return holders.includes(room) ? [] : complain(`only for ${holders.join(", ") || "nobody"}`);
  }
  if (allowed === "anything") return [];

  const outside: readonly string[] | undefined = lookUp(rules.pure, room);
  if (!to.startsWith("src/")) {
    return outside === undefined || outside.includes(to) ? [] : complain(`${room} is pure`);
  }
  if (rules.typesForAll.includes(to)) {
    if (outside !== undefined) return complain(`${room} is pure`);
    return typeOnly ? [] : complain("only its types");
  }
  const target = roomOf(to);
  return target === room || allowed.includes(target) ? [] : complain("against the arrows");
}

function lookUp<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** The folder of src/ a file is in, or the file itself when it is in none. */
function roomOf(file: string): string {
  const [, folder, rest] = file.split("/");
  return folder === undefined || rest === undefined ? file : folder;
}

function edgesOf(from: string, text: string): Edge[] {
  const clause = String.raw`(type\s+)?(?:[\w$]+\s*,?\s*)?(?:\{[^}]*\}|\*(?:\s*as\s+[\w$]+)?)?\s*from\s*`;
  const statement = new RegExp(String.raw`^(?:import|export)\s*(?:${clause})?["']([^"'\n]+)["']`, "gm");
  const dynamic = /\bimport\(\s*["']([^"'\n]+)["']/g;
  return [
    ...[...text.matchAll(statement)].map(([, type, specifier]) => ({ specifier, typeOnly: type !== undefined })),
    ...[...text.matchAll(dynamic)].map(([, specifier]) => ({ specifier, typeOnly: false })),
  ].map(({ specifier = "", typeOnly }) => {
    const to = specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : specifier;
    return { from, to, typeOnly };
  });
}

/** The files of one cycle, the first of them again at its end. What only types need is gone when the program runs. */
function findCycle(all: readonly Edge[]): string[] | undefined {
  const targets = new Map<string, string[]>();
  for (const { from, to, typeOnly } of all) {
    if (!typeOnly) targets.set(from, [...(targets.get(from) ?? []), to]);
  }
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const target of targets.get(file) ?? []) {
      const cycle = visit(target, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of targets.keys()) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function misplaced(file: string, text: string): string[] {
  return rules.written
    .filter(({ pattern, only }) => file !== only && pattern.test(text))
    .map(({ only }) => `${file}: belongs in ${only}`);
}
