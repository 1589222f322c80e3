// A coffer that is nothing but its PostgreSQL, as a process of its own that tests can kill: node serve.ts <data dir>

import { StartupError } from "../../src/domain/error/startup-error.ts";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";

try {
  const server = await startEmbeddedPostgres({ dataDir: process.argv[2] ?? "" });
  process.once("SIGTERM", () => void server.stop());
  console.log(JSON.stringify({ url: server.url, postmasterPid: server.pid() }));
} catch (error) {
  if (!(error instanceof StartupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
