// The commands of coffer, as the process that administrators start.
import { expect } from "vitest";
import type { Processes } from "./processes.ts";

/** `settings` are asked for with each command. */
export function commandsOf(processes: Processes, settings: () => Record<string, string>) {
  async function run(args: string[], env: Record<string, string> = settings()) {
    const { code, stdout, stderr } = await processes.launch(env, { args }).ended;
    return { code, stdout, stderr };
  }
  return {
    run,
    /** Returns the JSON that a command prints. Fails when the command fails. */
    async json(args: string[], env?: Record<string, string>) {
      const { code, stdout, stderr } = await run([...args, "--json"], env);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return JSON.parse(stdout);
    },
  };
}
