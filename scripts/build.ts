// Builds dist/: the compiled sources and the SQL files that they read.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true });
const compiler = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
  shell: process.platform === "win32",
});
if (compiler.status !== 0) process.exit(1);
cpSync(join(root, "src/store/migrations"), join(dist, "src/store/migrations"), {
  recursive: true,
  filter: (path) => !path.endsWith(".ts"),
});
const main = join(dist, "src/main.js");
if (existsSync(main)) chmodSync(main, 0o755);
