// Holds the arrows down, for values and types alike: compose → http → rpc, surfaces → call, operations → steps → runtime → integrity → store, redis, envelope … → domain.
import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, test } from "vitest";

/** The rules. A room is a folder of src/; whatever lies in none is named by its file. */
const rules = {
  /** The rooms that each room may import. */
  rooms: {
    "src/main.ts": ["src/program.ts"],
    "src/ports.ts": ["store", "envelope", "domain"],
    "src/program.ts": ["compose", "config", "cli", "domain"],
    compose: [
      ...[
        "base",
        "cli",
        "http",
        "wire",
        "rpc",
        "surfaces",
        "call",
        "jobs",
        "egress",
        "operations",
        "steps",
        "runtime",
        "integrity",
        "store",
      ],
      ...["redis", "envelope", "jwt", "external-vault", "probes", "net-guard", "embedded", "config", "domain"],
    ],
    cli: [
      "base",
      "operations",
      "steps",
      "runtime",
      "integrity",
      "store",
      "redis",
      "envelope",
      "embedded",
      "config",
      "domain",
    ],
    // The parts that all processes of a deployment open first.
    base: ["src/ports.ts", "steps", "runtime", "store", "envelope", "domain"],
    http: ["wire", "rpc", "call", "domain"],
    rpc: ["call", "operations", "steps", "runtime", "redis", "domain"],
    surfaces: ["call", "operations", "steps", "runtime", "domain"],
    call: ["steps", "runtime", "domain"],
    jobs: ["operations", "steps", "runtime", "integrity", "store", "domain"],
    egress: ["src/ports.ts", "wire", "operations", "steps", "runtime", "net-guard", "domain"],
    operations: ["steps", "runtime", "integrity", "store", "envelope", "external-vault", "jwt", "probes", "domain"],
    steps: ["src/ports.ts", "runtime", "integrity", "store", "envelope", "external-vault", "probes", "domain"],
    runtime: ["src/ports.ts", "integrity", "store", "redis", "envelope", "external-vault", "jwt", "probes", "domain"],
    integrity: ["store", "envelope", "domain"],
    config: ["redis", "jwt", "external-vault", "probes", "domain"],
    store: ["domain"],
    redis: ["domain"],
    envelope: ["domain"],
    jwt: ["domain"],
    embedded: ["domain"],
    "external-vault": ["net-guard", "domain"],
    probes: ["net-guard", "domain"],
    "net-guard": [],
    // Shared by the API's port and the proxy's.
    wire: [],
    domain: [],
  },
  /** Targets that only some rooms may import. A name that ends in `/` covers everything below it. */
  reserved: [
    { target: "src/compose/log.ts", for: ["compose", "src/program.ts"] },
    { target: "gen/", for: ["http", "rpc", "surfaces", "call", "compose"] },
    { target: "jose", for: ["jwt", "probes"] },
    { target: "pino", for: ["compose"] },
    { target: "pg", for: ["store", "embedded"] },
    { target: "ioredis", for: ["redis"] },
    { target: "rate-limiter-flexible", for: ["redis"] },
    { target: "@1password/", for: ["external-vault"] },
    { target: "@peculiar/x509", for: ["steps"] },
    { target: "reflect-metadata", for: ["steps"] },
    { target: "aws4fetch", for: ["probes"] },
    { target: "@noble/curves/", for: ["envelope"] },
    { target: "prom-client", for: ["egress"] },
    { target: "@connectrpc/", for: ["http", "rpc", "surfaces", "call", "compose"] },
    { target: "@bufbuild/", for: ["http", "rpc", "surfaces", "call", "compose"] },
  ],
  /** The outside modules that pure rooms may import: no clock, no network, no randomness of their own. */
  pure: {
    domain: ["node:util", "tldts"],
    envelope: ["node:crypto", "node:fs", "node:path", "@noble/curves/"],
  },
  /** Code that only one file may contain. */
  written: [{ pattern: /\bas\s+(?:unknown\s+as\s+)?\w*Grant\b/, only: "src/steps/authorize.ts" }],
} satisfies {
  rooms: Record<string, string[]>;
  reserved: { target: string; for: string[] }[];
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

  test("have no cycle of files, imports of types counted", () => {
    expect(findCycle(edges)).toBeUndefined();
  });

  test("have no cycle of folders, imports of types counted", () => {
    expect(findCycle(betweenFolders(edges))).toBeUndefined();
  });

  test("name no surface and no header of one in http and rpc", () => {
    const below = [...sources].filter(([file]) => /^src\/(?:http|rpc)\//.test(file));
    expect(below.length).toBeGreaterThan(20);
    expect(below.filter(([, text]) => /akua|thalassa|dataraven|superserve|x-api-key/i.test(text))).toEqual([]);
  });

  test("do what is reserved for one file nowhere else", () => {
    expect([...sources].flatMap(([file, text]) => misplaced(file, text))).toEqual([]);
  });
});

describe("the checker", () => {
  const bad: [from: string, to: string, typeOnly?: "type"][] = [
    ["src/domain/secret.ts", "src/store/secrets.ts"],
    ["src/domain/secret.ts", "src/runtime/deps.ts", "type"],
    ["src/domain/secret.ts", "node:crypto"],
    ["src/domain/secret.ts", "node:fs"],
    ["src/domain/secret.ts", "@bufbuild/protobuf"],
    ["src/domain/secret.ts", "src/store/secrets.ts", "type"],
    ["src/envelope/aead.ts", "src/store/secrets.ts"],
    ["src/envelope/aead.ts", "node:http"],
    ["src/store/secrets.ts", "src/steps/mutation.ts"],
    ["src/store/secrets.ts", "src/envelope/envelope.ts"],
    ["src/store/secrets.ts", "src/redis/connection.ts"],
    ["src/redis/connection.ts", "src/store/database.ts"],
    ["src/redis/connection.ts", "pg"],
    ["src/steps/mutation.ts", "src/surfaces/coffer/secrets.ts"],
    ["src/steps/mutation.ts", "src/call/context.ts"],
    ["src/steps/mutation.ts", "gen/coffer/v1/secret_pb.ts"],
    ["src/steps/mutation.ts", "@connectrpc/connect"],
    ["src/steps/mutation.ts", "pg"],
    ["src/steps/mutation.ts", "ioredis"],
    ["src/steps/mutation.ts", "src/operations/secrets/create.ts", "type"],
    ["src/runtime/deps.ts", "src/steps/mutation.ts", "type"],
    ["src/integrity/row-macs.ts", "src/runtime/deps.ts", "type"],
    ["src/ports.ts", "src/runtime/deps.ts", "type"],
    ["src/store/secrets.ts", "src/ports.ts", "type"],
    ["src/steps/mutation.ts", "src/config/config.ts", "type"],
    ["src/steps/mutation.ts", "src/jobs/runner.ts"],
    ["src/surfaces/coffer/secrets.ts", "src/store/secrets.ts"],
    ["src/surfaces/coffer/secrets.ts", "src/rpc/invoke.ts"],
    ["src/surfaces/coffer/secrets.ts", "src/http/server.ts"],
    ["src/rpc/observe.ts", "src/http/server.ts"],
    ["src/rpc/observe.ts", "src/surfaces/akua/headers.ts"],
    ["src/http/dispatch.ts", "src/surfaces/surfaces.ts"],
    ["src/http/dispatch.ts", "src/surfaces/akua/api.ts", "type"],
    ["src/call/surface.ts", "src/surfaces/akua/api.ts", "type"],
    ["src/call/surface.ts", "src/rpc/invoke.ts", "type"],
    ["src/call/surface.ts", "src/http/server.ts", "type"],
    ["src/steps/mutation.ts", "src/call/caller.ts"],
    ["src/rpc/rate-limit.ts", "rate-limiter-flexible"],
    ["src/rpc/authenticate.ts", "src/store/api-tokens.ts"],
    ["src/http/server.ts", "src/steps/mutation.ts"],
    ["src/http/server.ts", "src/compose/app.ts"],
    ["src/http/server.ts", "src/compose/app.ts", "type"],
    ["src/embedded/cluster.ts", "src/store/database.ts"],
    ["src/jobs/runner.ts", "src/call/errors.ts"],
    ["src/cli/run.ts", "src/http/server.ts"],
    ["src/cli/run.ts", "src/compose/app.ts"],
    ["src/steps/mutation.ts", "src/cli/run.ts"],
    ["src/operations/tokens/authenticate.ts", "jose"],
    ["src/probes/hcloud.ts", "src/store/secrets.ts"],
    ["src/probes/hcloud.ts", "src/steps/mutation.ts"],
    ["src/steps/mutation.ts", "aws4fetch"],
    ["src/net-guard/dial.ts", "src/domain/secret.ts"],
    ["src/steps/mutation.ts", "src/net-guard/dial.ts"],
    ["src/compose/app.ts", "src/main.ts"],
    ["src/compose/app.ts", "src/program.ts"],
    ["src/program.ts", "src/store/database.ts"],
    ["src/config/config.ts", "src/compose/app.ts"],
    ["src/store/database.ts", "src/compose/log.ts", "type"],
    ["src/rpc/observe.ts", "pino"],
    ["src/runtime/deps.ts", "pg", "type"],
    ["src/runtime/deps.ts", "gen/coffer/v1/secret_pb.ts"],
    ["src/helpers/misc.ts", "src/domain/errors.ts"],
    ["src/util.ts", "src/domain/errors.ts"],
  ];

  test.each(bad)("catches %s → %s", (from, to, typeOnly) => {
    expect(violations({ from, to, typeOnly: typeOnly === "type" })).not.toEqual([]);
  });

  const good: [from: string, to: string, typeOnly?: "type"][] = [
    ["src/http/server.ts", "src/call/errors.ts"],
    ["src/rpc/observe.ts", "src/call/context.ts"],
    ["src/surfaces/akua/api.ts", "src/call/surface.ts", "type"],
    ["src/call/surface.ts", "src/runtime/deps.ts", "type"],
    ["src/http/server.ts", "src/http/body.ts"],
    ["src/http/server.ts", "node:http"],
    ["src/rpc/authenticate.ts", "src/operations/tokens/authenticate.ts"],
    ["src/surfaces/coffer/secrets.ts", "gen/coffer/v1/secret_pb.ts"],
    ["src/steps/mutation.ts", "src/store/idempotency.ts"],
    ["src/operations/secrets/create.ts", "src/runtime/deps.ts", "type"],
    ["src/store/database.ts", "pg"],
    ["src/envelope/aead.ts", "node:crypto"],
    ["src/domain/sensitive.ts", "node:util"],
    ["src/compose/app.ts", "src/store/database.ts"],
    ["src/program.ts", "src/compose/start.ts"],
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

  test("finds cycles of any length, also those that only types make", () => {
    const cycle = ["a", "b", "c", "a"].map((name) => `src/${name}.ts`);
    const around = cycle.slice(1).map((to, index) => ({ from: cycle[index] ?? "", to, typeOnly: index === 0 }));
    expect(findCycle(around)).toEqual(cycle);
    expect(findCycle([{ from: "src/a.ts", to: "src/a.ts", typeOnly: false }])).toEqual(["src/a.ts", "src/a.ts"]);
    expect(findCycle(around.slice(1))).toBeUndefined();
  });

  test("finds cycles of folders whose files have none", () => {
    const edge = (from: string, to: string) => ({ from: `src/${from}.ts`, to: `src/${to}.ts`, typeOnly: true });
    const around = [edge("x/a", "x/y/b"), edge("x/y/c", "x/d")];
    expect(findCycle(around)).toBeUndefined();
    expect(findCycle(betweenFolders(around))).toEqual(["src/x", "src/x/y", "src/x"]);
    expect(findCycle(betweenFolders([edge("x/a", "x/b"), edge("x/b", "y/c")]))).toBeUndefined();
    // A root file stands for itself: it is in no folder with the others.
    expect(findCycle(betweenFolders([edge("main", "x/a"), edge("x/a", "ports")]))).toBeUndefined();
  });

  test("catches a grant that is made elsewhere", () => {
    const text = 'return { permission } as Grant<"secrets.read">;';
    expect(misplaced("src/store/secrets.ts", text)).not.toEqual([]);
    expect(misplaced("src/store/secrets.ts", text.replace("as", "as unknown as"))).not.toEqual([]);
    expect(misplaced("src/steps/authorize.ts", text)).toEqual([]);
  });
});

function violations({ from, to }: Edge): string[] {
  const complain = (why: string) => [`${from} → ${to}: ${why}`];
  const room = roomOf(from);
  const allowed: readonly string[] | undefined = lookUp(rules.rooms, room);
  if (allowed === undefined) return complain(`${room} has no rule`);

  const reserved = rules.reserved.find(({ target }) => (target.endsWith("/") ? to.startsWith(target) : to === target));
  if (reserved !== undefined) {
    const holders: readonly string[] = reserved.for;
    return holders.includes(room) ? [] : complain(`only for ${holders.join(", ")}`);
  }
  const outside: readonly string[] | undefined = lookUp(rules.pure, room);
  if (!to.startsWith("src/")) {
    return outside === undefined || outside.includes(to) ? [] : complain(`${room} is pure`);
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

/** The same imports between folders, without those that stay in one. */
function betweenFolders(all: readonly Edge[]): Edge[] {
  const inSource = all.filter(({ to }) => to.startsWith("src/"));
  const edges = inSource.map(({ from, to, typeOnly }) => ({ from: folderOf(from), to: folderOf(to), typeOnly }));
  return edges.filter(({ from, to }) => from !== to);
}

/** A file that lies in src/ itself stands for itself. */
function folderOf(file: string): string {
  const folder = posix.dirname(file);
  return folder === "src" ? file : folder;
}

/** The nodes of one cycle, the first of them again at its end. */
function findCycle(all: readonly Edge[]): string[] | undefined {
  const targets = new Map<string, string[]>();
  for (const { from, to } of all) targets.set(from, [...(targets.get(from) ?? []), to]);
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
