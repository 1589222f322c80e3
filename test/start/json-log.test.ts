// A JSON log holds JSON only, whatever libraries and Node have to say.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { until } from "../support/poll.ts";
import { useProcesses } from "../support/processes.ts";

const processes = useProcesses();
const coffer = useCoffer({ redisUrl: null });

it("also when a module writes to the console, and Node warns", async () => {
  const talker = join(processes.newDir(), "talker.mjs");
  writeFileSync(
    talker,
    `const timer = setInterval(() => {
      console.warn("[WARN] a module's line\\nand another", { value: "canary" });
      process.emitWarning("something is deprecated", "DeprecationWarning");
    }, 200);
    timer.unref();`,
  );
  const serving = await processes.serve({
    ...processes.settingsOf(coffer),
    COFFER_LOG_FORMAT: "json",
    NODE_OPTIONS: `--import=${talker}`,
  });
  const isWritten = async () =>
    ["a library wrote to the console", "warning from Node"].every((msg) => serving.stdout().includes(msg));
  await until("both are in the log", isWritten);
  const { stdout, stderr } = await serving.stop();
  expect(stderr).toBe("");
  for (const line of stdout.trimEnd().split("\n")) expect(JSON.parse(line)).toHaveProperty("level");
  expect(stdout).toContain(`"text":"[WARN] a module's line"`);
  expect(stdout).not.toContain("canary");
});
