// Runs every check that needs no running server, two at a time, and tells of each in one line.
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";

const root = join(import.meta.dirname, "..");
const cache = join(root, ".cache");

interface Outcome {
  passed: boolean;
  output: string;
  /** The text beside the name in the line. */
  note?: string;
}

interface Step {
  name: string;
  run: () => Promise<Outcome>;
}

/** The long ones first. */
const steps: Step[] = [
  command("types", "tsc", ["-p", "."]),
  command("oxlint", "oxlint", ["--type-aware", "--deny-warnings"]),
  { name: "generated code", run: checkGenerated },
  command("dead code", "knip", ["--no-progress"]),
  command("biome", "biome", ["check", "--error-on-warnings"]),
  command("buf lint", "buf", ["lint"]),
  command("buf format", "buf", ["format", "proto", "--diff", "--exit-code"]),
  { name: "buf breaking", run: checkBreaking },
];

const failures: string[] = [];
// Every buf step reads the schemas that this one puts in place.
await report({ name: "schemas", run: () => exec("node", ["scripts/proto-deps.ts"]) });
const waiting = failures.length === 0 ? [...steps] : [];
await Promise.all(
  Array.from({ length: Math.min(2, Math.max(1, availableParallelism())) }, async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) await report(step);
  }),
);
if (failures.length > 0) {
  console.log(`\nfailed: ${failures.join(", ")}`);
  process.exitCode = 1;
}

async function report({ name, run }: Step): Promise<void> {
  const start = performance.now();
  const { passed, output, note } = await run();
  const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(5);
  const line = `${passed ? "ok  " : "FAIL"} ${seconds} s  ${name}${note === undefined ? "" : ` (${note})`}`;
  console.log(passed ? line : `${line}\n${output.trimEnd()}\n`);
  if (!passed) failures.push(name);
}

function command(name: string, program: string, args: string[]): Step {
  return { name, run: () => exec(program, args) };
}

/** Generates into the cache and compares: the tree is left alone. */
async function checkGenerated(): Promise<Outcome> {
  const target = join(cache, "generated");
  rmSync(target, { recursive: true, force: true });
  const generated = await exec("buf", ["generate", "--output", target]);
  if (!generated.passed) return generated;
  const difference = await exec("git", ["diff", "--no-index", "--stat", "gen", join(target, "gen")]);
  if (difference.passed) return difference;
  return { passed: false, output: `${difference.output}\ngen/ is not what proto/ says: run \`npm run generate\`` };
}

/** Against the schemas of the main branch, if there are any. */
async function checkBreaking(): Promise<Outcome> {
  const refs = ["main", "origin/main"];
  const found = await Promise.all(refs.map((ref) => exec("git", ["cat-file", "-e", `${ref}:proto`])));
  const ref = refs.find((_ref, index) => found[index]?.passed);
  if (ref === undefined) {
    return { passed: true, output: "", note: "nothing to compare with: no main branch here that has schemas" };
  }
  const target = join(cache, "breaking");
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const archive = join(cache, "breaking.tar");
  for (const [program, args] of [
    ["git", ["archive", "--output", archive, ref, "buf.yaml", "proto"]],
    ["tar", ["-xf", archive, "-C", target]],
  ] as const) {
    const outcome = await exec(program, args);
    if (!outcome.passed) return outcome;
  }
  cpSync(join(root, ".proto-deps"), join(target, ".proto-deps"), { recursive: true });
  return { ...(await exec("buf", ["breaking", "--against", target])), note: `against ${ref}` };
}

function exec(program: string, args: readonly string[]): Promise<Outcome> {
  const bin = join(root, "node_modules/.bin");
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"]}` },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => resolve({ passed: false, output: `${program}: ${error.message}` }));
    child.on("close", (code) => resolve({ passed: code === 0, output }));
  });
}
