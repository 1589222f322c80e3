// Programs as they are, with a proxy, its certificate and placeholders in their environment: they work, and never hold a value.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { Agent, request as openRequest, type RequestListener } from "node:http";
import { join, normalize } from "node:path";
import { connect as connectTls } from "node:tls";
import { describe, expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import {
  bearerFor,
  bindSecret,
  caOf,
  connectTunnel,
  eventsOf,
  makeSandbox,
  type TestEgress,
  type TestSandbox,
  useEgress,
} from "../support/egress.ts";
import { until } from "../support/poll.ts";
import { useProcesses } from "../support/processes.ts";

const host = "api.upstream.test";
const gitHost = "git.upstream.test";
const value = `real-${randomBytes(16).toString("hex")}`;
const coffer = useCoffer();
const processes = useProcesses();
let repository = "";
let authorizations: string[] = [];

const answer: RequestListener = (request, response) => {
  const { url = "", headers } = request;
  authorizations.push(headers.authorization ?? "");
  if (headers.host?.startsWith(gitHost)) return serveGit(url, headers.authorization, response);
  if (url === "/hang") return void response.write(`begun ${headers.authorization}\n`);
  response.end(`it said ${headers.authorization}\n`);
};

const egress = useEgress(coffer, { hosts: [host, gitHost], answer });

function serveGit(url: string, authorization: string | undefined, response: Parameters<RequestListener>[1]): void {
  if (authorization !== `Basic ${btoa(`ada:${value}`)}`) {
    response.writeHead(401, { "www-authenticate": 'Basic realm="git"' });
    return void response.end();
  }
  const [path = ""] = url.split("?");
  try {
    response.end(readFileSync(join(repository, normalize(path.replace("/repo.git", "")))));
  } catch {
    response.statusCode = 404;
    response.end();
  }
}

interface Child {
  child: ChildProcess;
  stdout(): string;
}

/** In an environment of its own, to which `env` is added. */
async function startChild(
  command: string,
  args: readonly string[],
  sandbox: TestSandbox,
  env: Record<string, string> = {},
): Promise<Child> {
  const caFile = join(egress.dir, `${sandbox.id}.pem`);
  writeFileSync(caFile, await caOf(egress, sandbox));
  const proxy = `http://x:${sandbox.token}@127.0.0.1:${egress.port}`;
  const { PATH = "" } = process.env;
  const child = spawn(command, args, {
    cwd: egress.dir,
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...{ PATH, HOME: egress.dir, HTTPS_PROXY: proxy, CURL_CA_BUNDLE: caFile, GIT_SSL_CAINFO: caFile },
      ...{ NODE_EXTRA_CA_CERTS: caFile, NODE_USE_ENV_PROXY: "1", GIT_TERMINAL_PROMPT: "0", ...env },
    },
  });
  let stdout = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  return { child, stdout: () => stdout };
}

/** All that the process has in its memory, and in its environment. */
function memoryHolds({ pid }: ChildProcess, text: string): boolean {
  if (readFileSync(`/proc/${pid}/environ`).includes(text)) return true;
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    return readFileSync(`/proc/${pid}/maps`, "utf8")
      .split("\n")
      .some((line) => {
        const [, from = "", to = ""] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
        if (from === "") return false;
        const start = Number.parseInt(from, 16);
        const part = Buffer.alloc(Math.min(Number.parseInt(to, 16) - start, 2 ** 28));
        try {
          return part.subarray(0, readSync(memory, part, 0, part.byteLength, start)).includes(text);
        } catch {
          // A mapping that holds nothing to read.
          return false;
        }
      });
  } finally {
    closeSync(memory);
  }
}

describe("a program with placeholders only", () => {
  test.each([
    ["curl", (url: string) => ["-sN", url, "-H", "authorization: Bearer $KEY"]],
    [
      "node",
      (url: string) => [
        "-e",
        `fetch("${url}", { headers: { authorization: "Bearer " + process.env.KEY } }).then(async (answer) => {
          for await (const chunk of answer.body) process.stdout.write(chunk);
        });`,
      ],
    ],
  ])("%s: the host sees the value, its memory and environment never hold it", async (command, argsFor) => {
    const sandbox = await makeSandbox(coffer);
    const { placeholder } = await bindSecret(coffer, sandbox, value, bearerFor(host));
    authorizations = [];
    const args = argsFor(`https://${host}:${egress.upstreamPort}/hang`);
    const program = command === "node" ? process.execPath : command;
    const { child, stdout } = await startChild(
      program,
      args.map((arg) => arg.replace("$KEY", placeholder)),
      sandbox,
      { KEY: placeholder },
    );
    await until("the answer has begun", async () => stdout().includes("begun"), 20_000);
    expect(authorizations).toEqual([`Bearer ${value}`]);
    expect(stdout()).toBe(`begun Bearer ${placeholder}\n`);
    // That it can find a text at all: the placeholder is there.
    expect(memoryHolds(child, placeholder)).toBe(true);
    expect(memoryHolds(child, value)).toBe(false);
    child.kill("SIGKILL");
    await once(child, "close");
  });

  test("git clones over https", async () => {
    const work = join(egress.dir, "work");
    repository = join(egress.dir, "repo.git");
    mkdirSync(work);
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b.c", ...args], { cwd: work, stdio: "pipe" });
    git("init", "-q", "-b", "main");
    writeFileSync(join(work, "file"), "cloned\n");
    git("add", "file");
    git("commit", "-qm", "One file");
    git("clone", "-q", "--bare", work, repository);
    git("--git-dir", repository, "update-server-info");

    const sandbox = await makeSandbox(coffer);
    const { placeholder } = await bindSecret(coffer, sandbox, value, {
      ...bearerFor(gitHost),
      schemes: [{ hosts: [gitHost], scheme: { type: "basic" } }],
    });
    const url = `https://ada:${placeholder}@${gitHost}:${egress.upstreamPort}/repo.git`;
    const { child } = await startChild("git", ["clone", "-q", url, "cloned"], sandbox);
    const [code] = await once(child, "close");
    expect(code).toBe(0);
    expect(readFileSync(join(egress.dir, "cloned", "file"), "utf8")).toBe("cloned\n");
    expect(readFileSync(join(egress.dir, "cloned", ".git", "config"), "utf8")).not.toContain(value);
  });
});

describe("a proxy of its own process", () => {
  async function launch(): Promise<
    TestEgress & { kill(): Promise<unknown>; stop(): Promise<{ code: number | null }> }
  > {
    const launched = processes.launch({ ...egress.env, ...processes.settingsOf(coffer) }, { args: ["egress"] });
    const said = () => /coffer egress listening on (http\S+)/.exec(launched.stdout())?.[1];
    await until("the proxy listens", async () => said() !== undefined, 30_000);
    const url = said() ?? "";
    return { ...egress, url, port: Number(new URL(url).port), kill: launched.kill, stop: launched.stop };
  }

  test("loses no event of an answered request to SIGKILL, and serves the same sandboxes again", async () => {
    const sandbox = await makeSandbox(coffer);
    const { placeholder, secretId } = await bindSecret(coffer, sandbox, value, bearerFor(host));
    const proxy = await launch();
    const ca = await caOf(proxy, sandbox);
    const answered = await load(proxy, sandbox, placeholder, 8, () => proxy.kill());
    expect(answered.length).toBeGreaterThan(20);
    const events = new Map((await eventsOf(coffer, sandbox)).map((event) => [event["path"], event]));
    expect(answered.filter((path) => events.get(path)?.["secret_id"] !== secretId)).toEqual([]);
    expect([...events.values()].filter((event) => event["status"] !== 200)).toEqual([]);

    const again = await launch();
    expect(await caOf(again, sandbox)).toBe(ca);
    expect(await load(again, sandbox, placeholder, 2, async () => {}, 5)).toHaveLength(10);
    expect((await again.stop()).code).toBe(0);
  });

  /** Paths that were answered until the proxy is gone, or `requestsMax` in each tunnel; `end` is called after a while. */
  async function load(
    proxy: TestEgress,
    sandbox: TestSandbox,
    placeholder: string,
    tunnels: number,
    end: () => Promise<unknown>,
    requestsMax = Number.POSITIVE_INFINITY,
  ): Promise<string[]> {
    const answered: string[] = [];
    const ca = await caOf(proxy, sandbox);
    const ending = new Promise((resolve) => setTimeout(resolve, 1_500)).then(end);
    const one = async (tunnel: number) => {
      const { socket } = await connectTunnel(proxy, sandbox.token, `${host}:${proxy.upstreamPort}`);
      const secured = connectTls({ socket, servername: host, ca });
      secured.on("error", () => {});
      await once(secured, "secureConnect");
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      agent.createConnection = () => secured;
      for (let i = 0; i < requestsMax; i++) {
        const path = `/${tunnel}/${i}-${randomBytes(4).toString("hex")}`;
        const headers = { host: `${host}:${proxy.upstreamPort}`, authorization: `Bearer ${placeholder}` };
        const request = openRequest({ agent, path, headers });
        request.end();
        try {
          const [response] = await once(request, "response");
          answered.push(path);
          response.resume();
          await once(response, "end");
        } catch {
          return;
        }
      }
      secured.destroy();
    };
    await Promise.all(Array.from({ length: tunnels }, (_, i) => one(i)));
    await ending;
    return answered;
  }
});
