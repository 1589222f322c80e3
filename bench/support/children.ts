// Child processes: servers that say when they are ready, and tools that run to their end. None outlives the run.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

export interface Server {
  pid: number;
  /** The groups that the pattern matched in the output. */
  match: RegExpExecArray;
  /** How long it took to be ready. */
  readyMs: number;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

const readyTimeoutMs = 30_000;
const stopTimeoutMs = 5_000;

/** Starts a script of this project with `args` and waits for `ready` in its output. */
export async function startServer(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  ready: RegExp,
): Promise<Server> {
  const begin = performance.now();
  const child = track(
    spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"] ?? "", ...env },
    }),
  );
  const output = collect(child);
  for (;;) {
    const match = ready.exec(output());
    if (match && child.pid !== undefined) {
      return { pid: child.pid, match, readyMs: performance.now() - begin, stop: () => stop(child) };
    }
    if (!running.has(child)) throw new Error(`${args.join(" ")} ended: ${output().trim()}`);
    if (performance.now() - begin > readyTimeoutMs)
      throw new Error(`${args.join(" ")} is not ready: ${output().trim()}`);
    await sleep(5);
  }
}

/** The output of a tool that must end well and in time. */
export async function runTool(
  path: string,
  args: readonly string[],
  options: { libraryPath: string | undefined; timeoutMs: number },
): Promise<string> {
  const env = { PATH: "/usr/bin:/bin", ...(options.libraryPath && { LD_LIBRARY_PATH: options.libraryPath }) };
  const child = track(spawn(path, args, { stdio: ["ignore", "pipe", "pipe"], env }));
  const output = collect(child);
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs);
  const [code, signal] = await once(child, "close");
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${path} ended with ${signal ?? code}: ${output().trim()}`);
  return output();
}

function track<Child extends ChildProcess>(child: Child): Child {
  running.add(child);
  child.once("exit", () => running.delete(child));
  child.once("error", () => running.delete(child));
  return child;
}

function collect(child: ChildProcess): () => string {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return () => output;
}

async function stop(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  await gone;
  clearTimeout(timer);
}
