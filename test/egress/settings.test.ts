// Settings of the egress proxy: one that is bad is named in one line, and nothing is served.
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { StartupError } from "../../src/domain/error/startup-error.ts";
import { useCoffer } from "../support/coffer.ts";
import { useProcesses } from "../support/processes.ts";

const coffer = useCoffer({ redisUrl: null });
const processes = useProcesses();

const numbers = ["x", "-1", "1.5", " 1", "1e3", "9".repeat(30)];
const bad: Record<string, readonly string[]> = {
  COFFER_EGRESS_PORT: [...numbers, "65536"],
  COFFER_EGRESS_METRICS_PORT: [...numbers, "65536"],
  COFFER_EGRESS_PORTS: [
    "x",
    "-1",
    "1.5",
    "1e3",
    "9".repeat(30),
    "0",
    "65536",
    ",",
    "443;80",
    "443,x",
    "443 80",
    "443-445",
  ],
  COFFER_EGRESS_ALLOW_PRIVATE: ["x", "localhost", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0", "::1/129", "10.0.0.1:443"],
  COFFER_EGRESS_CA_FILE: ["/nowhere/ca.pem", "/", "/dev/null", import.meta.filename],
  COFFER_EGRESS_DNS: ["x", "localhost", "10.0.0.1:x", "10.0.0.1:99999", "10.0.0.1 10.0.0.2", "10.0.0.0/8"],
  COFFER_EGRESS_RPM: [...numbers, "0", "10000001"],
  COFFER_EGRESS_BYTES: [...numbers, "0"],
  COFFER_EGRESS_URL: ["x", "ftp://x", "https://", "https://x/path", "https://x?q", "https://user@x"],
};
const cases = Object.entries(bad).flatMap(([name, values]) => values.map((value) => [name, value] as const));

test.each(cases)("%s = %j is refused in one line that names it", (name, value) => {
  const load = () => loadConfig({ COFFER_ROOT_KEY_FILE: "k", [name]: value });
  expect(load).toThrow(StartupError);
  expect(load).toThrow(new RegExp(`^${name}\\b[^\\n]*$`));
});

const inUse = () => ({ ...processes.settingsOf(coffer), COFFER_EGRESS_PORT: "0" });

let taken: Server;
beforeAll(async () => {
  taken = createServer();
  taken.listen(0, "127.0.0.1");
  await once(taken, "listening");
});
afterAll(() => void taken.close());
const takenPort = () => String((taken.address() as AddressInfo).port);

/** Returns the outcome of a process; undefined if it is still running after ten seconds. */
async function outcomeOf(args: readonly string[], env: Record<string, string>) {
  const launched = processes.launch(env, { args });
  const timer = setTimeout(() => void launched.kill(), 10_000);
  const { code, signal, stdout, stderr } = await launched.ended;
  clearTimeout(timer);
  return { code, signal, stdout, stderr };
}

describe("a process that cannot serve the proxy ends, names the setting, and serves nothing", () => {
  const both = ["serve", "--egress"];
  test.concurrent.each<[string, readonly string[], () => Record<string, string>]>([
    ["COFFER_EGRESS_PORTS", ["egress"], () => ({ COFFER_EGRESS_PORTS: "https" })],
    ["COFFER_EGRESS_HOST", ["egress"], () => ({ COFFER_EGRESS_HOST: "192.0.2.1" })],
    ["COFFER_EGRESS_PORT", both, () => ({ COFFER_EGRESS_PORT: takenPort() })],
    ["COFFER_EGRESS_METRICS_PORT", ["egress"], () => ({ COFFER_EGRESS_METRICS_PORT: takenPort() })],
    ["COFFER_EGRESS_METRICS_PORT", both, () => ({ COFFER_EGRESS_METRICS_PORT: takenPort() })],
  ])("%s (%j)", async (name, args, env) => {
    const outcome = await outcomeOf(args, { ...inUse(), ...env() });
    expect(outcome).toEqual({ code: 1, signal: null, stdout: "", stderr: expect.stringMatching(/^coffer: [^\n]+\n$/) });
    expect(outcome.stderr).toContain(name);
  });

  test("also where Redis is there to be let go of", async () => {
    const env = { COFFER_EGRESS_PORT: takenPort(), COFFER_REDIS_URL: inject("redisUrl") };
    const outcome = await outcomeOf(["egress"], { ...inUse(), ...env });
    expect(outcome).toMatchObject({ code: 1, signal: null, stderr: expect.stringMatching(/^coffer: [^\n]+\n$/) });
  });

  test("without a database of its own there is no proxy alone", async () => {
    const outcome = await outcomeOf(["egress"], { COFFER_DATA_DIR: processes.newDir() });
    expect(outcome).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("COFFER_DATABASE_URL") });
  });
});
