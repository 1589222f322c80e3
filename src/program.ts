// The process: reads the command line, starts the servers, prints their URLs and stops on a signal.
import { runCommand, servedBy } from "./cli/run.ts";
import { createLogger, type Logger, logLibraryLines } from "./compose/log.ts";
import type { Running } from "./compose/start.ts";
import { type Config, loadConfig } from "./config/config.ts";
import { StartupError } from "./domain/error/startup-error.ts";

async function main(argv: readonly string[]): Promise<void> {
  const isWorker = argv[0] === "worker" && argv.length === 1;
  const served = servedBy(argv);
  if (!isWorker && !served) {
    process.exitCode = await runCommand(argv, () => loadConfig(process.env), process.stdout, process.stderr);
    return;
  }
  // Needed when Node runs without --disable-sigusr1: by default SIGUSR1 opens a debugger, which can read every key.
  process.on("SIGUSR1", () => {});
  const config = loadConfig(process.env);
  const log = createLogger(config);
  if (config.logFormat === "json") logLibraryLines(log);
  if (served) {
    await serve(config, log, served);
  } else {
    const { serveAsWorker } = await import("./compose/workers.ts");
    await serveAsWorker(config, log.child({ worker: process.pid }));
  }
}

async function serve(config: Config, log: Logger, served: "api" | "egress" | "both"): Promise<void> {
  for (const name of config.unknownSettings) log.warn({ name }, "this variable is not a setting of coffer");
  const stopped = stopSignal();
  const running = await startServed(config, log, served);
  announce(running, config.logFormat, log);
  const why = await Promise.race([stopped, running.failed.then((reason) => ({ reason }))]);
  if ("reason" in why) log.error({ reason: why.reason }, "coffer stops, because it cannot continue");
  else log.info({ signal: why.signal }, "stopping");
  // Other signals come from a terminal, where no load balancer has to notice the stop first.
  await running.close("signal" in why && why.signal === "SIGTERM" ? config.shutdownLeadMs : 0);
  process.exitCode = "reason" in why ? 1 : 0;
}

/** Imports the servers only when they are needed, so that commands start fast. */
async function startServed(config: Config, log: Logger, served: "api" | "egress" | "both"): Promise<Running> {
  const { start, startEgress } = await import("./compose/start.ts");
  if (served === "egress") return startEgress(config, log);
  if (config.workers === 1) return start(config, log, { withEgress: served === "both" });
  if (served === "api") return (await import("./compose/workers.ts")).startWorkers(config, log);
  throw new StartupError("with COFFER_WORKERS the egress proxy must run in its own process: `coffer egress`");
}

/**
 * The first signal stops gracefully; a second SIGTERM or SIGINT ends the process at once. A closing terminal sends SIGHUP, sometimes
 * twice, so SIGHUP never ends it at once: the bundled PostgreSQL would keep running.
 */
function stopSignal(): Promise<{ signal: string }> {
  const { promise, resolve } = Promise.withResolvers<{ signal: string }>();
  let asked = false;
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const) {
    process.on(signal, () => {
      if (asked && (signal === "SIGTERM" || signal === "SIGINT")) process.exit(1);
      asked = true;
      resolve({ signal });
    });
  }
  return promise;
}

function announce({ url, egressUrl, first }: Running, format: "text" | "json", log: Logger): void {
  if (format === "json") {
    // A log must not contain the token, only the path of its file.
    if (first) log.info({ ownerTokenFile: first.ownerTokenFile }, "first start");
    if (egressUrl !== undefined) log.info({ egress: egressUrl }, "the egress proxy is listening");
    if (url !== undefined) log.info({ url }, "listening");
    return;
  }
  if (egressUrl !== undefined) console.log(`coffer egress listening on ${egressUrl}`);
  if (url === undefined) return;
  console.log(`coffer listening on ${url}`);
  if (first) console.log(firstSteps(url, first, process.stdout.isTTY));
}

/** Returns the first steps. Only a terminal gets the token, because files and logs would store it. */
function firstSteps(
  url: string,
  { ownerToken, ownerTokenFile }: NonNullable<Running["first"]>,
  isTerminal: boolean,
): string {
  const [where, authorization] = isTerminal
    ? [
        `The owner's token, shown only this once and kept in ${ownerTokenFile}:\n\n  ${ownerToken}`,
        `'Authorization: Bearer ${ownerToken}'`,
      ]
    : [
        `The owner's token is in ${ownerTokenFile}.`,
        `"Authorization: Bearer $(cat '${ownerTokenFile.replaceAll("'", "'\\''")}')"`,
      ];
  return `
${where}

Create a secret:

  curl ${url}/coffer.v1.SecretService/CreateSecret \\
    -H ${authorization} \\
    -H 'Content-Type: application/json' \\
    -d '{"name": "first/secret", "generate": {"byteLength": 32}}'
`;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof StartupError) console.error(`coffer: ${error.message}`);
  else console.error("coffer: failed:", error);
  process.exitCode = 1;
});
