// coffer as the process that users start, which a test may kill; all of it ends with the test file.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { endLeftovers } from "../../src/embedded/leftovers.ts";
import { createClients, type TestCoffer } from "./coffer.ts";
import { makeRunDir } from "./run-dir.ts";

const mainFile = join(import.meta.dirname, "..", "..", "src", "main.ts");

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Launched {
  child: ChildProcess;
  stdout(): string;
  /** Resolves when it is gone and all it wrote is read. */
  ended: Promise<Ended>;
  /** SIGKILL. */
  kill(): Promise<Ended>;
  /** SIGTERM. */
  stop(): Promise<Ended>;
}

export interface Serving extends Launched {
  url: string;
}

export interface LaunchOptions {
  runAs?: { uid: number; gid: number };
  /** Instead of the checkout's own. */
  cwd?: string;
  /** Instead of `serve`. */
  args?: readonly string[];
}

export interface SharedSettings {
  COFFER_DATABASE_URL: string;
  COFFER_ROOT_KEY_FILE: string;
}

export interface Processes {
  /** A new, empty directory. */
  newDir(): string;
  /** With which a process serves the deployment of a running one: its database, and its root key in a file. */
  settingsOf(coffer: Pick<TestCoffer, "databaseUrl" | "keyring">): SharedSettings;
  launch(env: Record<string, string>, options?: LaunchOptions): Launched;
  /** Fails when it ends instead of serving. */
  serve(env: Record<string, string>, options?: LaunchOptions): Promise<Serving>;
  ownerClients(serving: Serving, dataDir: string): ReturnType<typeof createClients>;
}

/** For a test file: what it launches, and the directories it gives out, are gone afterwards. */
export function useProcesses(): Processes {
  const launched: Launched[] = [];
  const dataDirs = new Set<string>();
  let runDir: Awaited<ReturnType<typeof makeRunDir>>;
  let dirs = 0;
  beforeAll(async () => {
    runDir = await makeRunDir("process", () => launched.map(({ child }) => child.pid));
  });
  afterAll(async () => {
    for (const process of launched) await process.kill();
    for (const dataDir of dataDirs) {
      const clusterDir = join(dataDir, "postgres");
      if (existsSync(clusterDir)) await endLeftovers(clusterDir);
    }
    runDir.remove();
  });

  const launch = (
    env: Record<string, string>,
    { runAs, cwd = runDir.path, args = ["serve"] }: LaunchOptions = {},
  ): Launched => {
    const { PATH = "" } = process.env;
    const child = spawn(process.execPath, [mainFile, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH, COFFER_PORT: "0", COFFER_VALIDATION: "off", COFFER_SHUTDOWN_LEAD_MS: "0", ...env },
      cwd,
      ...runAs,
    });
    dataDirs.add(env["COFFER_DATA_DIR"] ?? join(cwd, ".coffer"));
    const own = observe(child);
    launched.push(own);
    return own;
  };

  const newDir = () => {
    const dir = join(runDir.path, String(++dirs));
    mkdirSync(dir, { mode: 0o700 });
    return dir;
  };

  return {
    newDir,
    settingsOf({ databaseUrl, keyring }) {
      const keyFile = join(newDir(), "root.key");
      writeFileSync(keyFile, Buffer.from(keyring.first.key.reveal()).toString("base64"), { mode: 0o600 });
      return { COFFER_DATABASE_URL: databaseUrl, COFFER_ROOT_KEY_FILE: keyFile };
    },
    launch,
    async serve(env, options) {
      const own = launch(env, options);
      return { ...own, url: await urlOf(own) };
    },
    ownerClients: ({ url }, dataDir) => createClients(url, readFileSync(join(dataDir, "owner-token"), "utf8").trim()),
  };
}

function observe(child: ChildProcess): Launched {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = once(child, "close").then(([code, signal]): Ended => ({ code, signal, stdout, stderr }));
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return ended;
  };
  return { child, stdout: () => stdout, ended, kill: () => end("SIGKILL"), stop: () => end("SIGTERM") };
}

async function urlOf({ child, stdout, ended }: Launched): Promise<string> {
  const pattern = /^coffer listening on (http\S+)$|"url":"(http[^"]+)".*"msg":"listening"/m;
  const { promise, resolve } = Promise.withResolvers<string>();
  const look = () => {
    const found = pattern.exec(stdout());
    if (found) resolve(found[1] ?? found[2] ?? "");
  };
  child.stdout?.on("data", look);
  const failed = ended.then(({ stderr, stdout: said }) =>
    Promise.reject(new Error(stderr || said || "it said nothing")),
  );
  return Promise.race([promise, failed]).finally(() => child.stdout?.off("data", look));
}
