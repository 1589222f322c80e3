// Runs one command of the command line, other than serve.
import type { Config } from "../config/config.ts";
import { CofferError } from "../domain/error/errors.ts";
import { StartupError } from "../domain/error/startup-error.ts";
import { showAuditHeads, verifyAudit } from "./audit-commands.ts";
import { withDeployment } from "./deployment.ts";
import { addToKeyring, checkKeyring, initKeyring, rotateKeyring } from "./keyring-commands.ts";
import { type OptionName, type Options, readArguments } from "./options.ts";
import { print, type Shown } from "./print.ts";
import { createNewToken, listAllTokens, revokeOneToken } from "./token-commands.ts";
import { UsageError, usage } from "./usage.ts";
import { createNewWorkspace, listAllWorkspaces } from "./workspace-commands.ts";

interface Command {
  /** Options besides json and help. */
  options: readonly OptionName[];
  /** The argument that the command requires. */
  operand?: string;
  run(config: Config, options: Options, operand: string): Promise<Shown>;
}

const commands = new Map<string, Command>([
  ["workspace list", { options: [], run: (config) => withDeployment(config, listAllWorkspaces) }],
  [
    "workspace create",
    {
      options: ["name", "tier"],
      run: (config, options) => withDeployment(config, (deps) => createNewWorkspace(deps, options)),
    },
  ],
  [
    "token list",
    {
      options: ["workspace"],
      run: (config, options) => withDeployment(config, (deps) => listAllTokens(deps, options)),
    },
  ],
  [
    "token create",
    {
      options: ["name", "workspace", "every-workspace", "role", "scope", "expires-in"],
      run: (config, options) => withDeployment(config, (deps) => createNewToken(deps, options)),
    },
  ],
  [
    "token revoke",
    {
      options: [],
      operand: "a token's id (tok_…)",
      run: (config, _options, id) => withDeployment(config, (deps) => revokeOneToken(deps, id)),
    },
  ],
  ["audit head", { options: [], run: (config) => withDeployment(config, showAuditHeads) }],
  [
    "audit verify",
    { options: ["head"], run: (config, options) => withDeployment(config, (deps) => verifyAudit(deps, options)) },
  ],
  ["keyring init", { options: [], run: initKeyring }],
  ["keyring check", { options: [], run: checkKeyring }],
  ["keyring add", { options: [], run: addToKeyring }],
  ["keyring rotate", { options: [], run: rotateKeyring }],
]);

/** Returns the servers that the command line asks for; undefined when it asks for something else. */
export function servedBy(argv: readonly string[]): "api" | "egress" | "both" | undefined {
  const known = { "": "api", serve: "api", egress: "egress", "serve --egress": "both" } as const;
  const line = argv.join(" ");
  return Object.hasOwn(known, line) ? known[line as keyof typeof known] : undefined;
}

interface Output {
  write(text: string): unknown;
}

/** Returns the exit code: 0 done, 1 failed, 2 the command line is not valid. Prints failures in one line. Throws unexpected errors. */
export async function runCommand(
  argv: readonly string[],
  loadConfig: () => Config,
  stdout: Output,
  stderr: Output,
): Promise<0 | 1 | 2> {
  try {
    const { words, given, options } = readArguments(argv);
    if (given.includes("help") || words[0] === "help") {
      stdout.write(`${usage}\n`);
      return 0;
    }
    const { command, operand } = commandOf(words, given);
    const shown = await command.run(loadConfig(), options, operand);
    stdout.write(print(shown, options.json));
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      stderr.write(`coffer: ${error.message}; see \`coffer --help\`\n`);
      return 2;
    }
    if (!(error instanceof StartupError) && !(error instanceof CofferError && error.reason !== "INTERNAL")) throw error;
    stderr.write(`coffer: ${error.message}\n`);
    return 1;
  }
}

function commandOf(words: readonly string[], given: readonly OptionName[]): { command: Command; operand: string } {
  const [noun = "", verb = "", operand = "", ...rest] = words;
  const name = `${noun} ${verb}`;
  const command = commands.get(name);
  if (!command) throw new UsageError(`unknown command ${JSON.stringify(name.trim().slice(0, 40))}`);
  if (rest.length > 0 || (operand !== "" && !command.operand)) throw new UsageError(`${name} takes no more arguments`);
  if (command.operand && operand === "") throw new UsageError(`${name} requires ${command.operand}`);
  const odd = given.find((option) => option !== "json" && !command.options.includes(option));
  if (odd) throw new UsageError(`${name} has no option --${odd}`);
  return { command, operand };
}
