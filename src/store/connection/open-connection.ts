// Opens a connection to the first host that answers and is suitable, and sets its session settings.
import pg from "pg";
import { StartupError } from "../../domain/error/startup-error.ts";
import { type Hosts, hostsOf } from "./hosts.ts";
import { parsers } from "./parsers.ts";
import { readRowsOf } from "./row-reader.ts";
import { pinSession, type Session, type TimeLimits } from "./session.ts";

export interface Connector {
  /** Fails with the error of the last host. */
  open(limits: TimeLimits): Promise<OpenConnection>;
}

export interface OpenConnection {
  client: pg.Client;
  session: Session;
}

/** A start that cannot reach its database fails within five seconds. */
const connectTimeoutMs = 3_000;
/** A host that does not answer must leave time for the next one. */
const connectTimeoutOfManyMs = 1_500;
/** A host that failed is tried last for this time. */
const passOverMs = 2_000;
const keepAliveDelayMs = 10_000;

/** `connectionString` may name several hosts. Fails with a StartupError if it has a parameter that is not supported. */
export function createConnector(connectionString: string, password: string | undefined): Connector {
  const hosts = hostsOf(connectionString);
  const { connectionStrings } = hosts;
  const failedAtMs = new Map<string, number>();
  const timeoutMs = connectionStrings.length > 1 ? connectTimeoutOfManyMs : connectTimeoutMs;
  const hasFailed = (host: string) => performance.now() - (failedAtMs.get(host) ?? -passOverMs) < passOverMs;

  return {
    async open(limits) {
      const sound = connectionStrings.filter((host) => !hasFailed(host));
      let failure: unknown;
      for (const host of [...sound, ...connectionStrings.filter((one) => !sound.includes(one))]) {
        try {
          const opened = await openAt(withPassword(host, password), hosts, limits, timeoutMs);
          failedAtMs.delete(host);
          return opened;
        } catch (error) {
          failedAtMs.set(host, performance.now());
          failure = error;
        }
      }
      throw failure;
    },
  };
}

async function openAt(
  connectionString: string,
  { mustBeWritable }: Hosts,
  limits: TimeLimits,
  timeoutMs: number,
): Promise<OpenConnection> {
  // Only startup parameters that poolers accept. A statement sets the session settings.
  const client = new pg.Client({
    connectionString,
    application_name: "coffer",
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveDelayMs,
    types: parsers,
  });
  readRowsOf(client);
  // Without a listener an error of an idle connection would end the process.
  client.on("error", () => {});
  // One time-out for all steps: a server may accept the connection and not answer, or stop during authentication.
  const timer = setTimeout(() => client.connection.stream.destroy(new Error("the server did not answer")), timeoutMs);
  try {
    await client.connect();
    const session = await pinSession(client, limits);
    if (mustBeWritable && session.isReadOnly) throw new Error("the server is read-only");
    return { client, session };
  } catch (error) {
    closeAtOnce(client);
    throw isPasswordMissing(error) ? passwordMissing(error) : error;
  } finally {
    clearTimeout(timer);
  }
}

/** The error of pg when the server requires a password and none is configured. */
function isPasswordMissing(error: unknown): boolean {
  return error instanceof Error && /password must be a( non-empty)? string/i.test(error.message);
}

function passwordMissing(cause: unknown): StartupError {
  const message =
    "the database requires a password: set COFFER_DATABASE_PASSWORD_FILE, or add the password to COFFER_DATABASE_URL";
  return new StartupError(message, { cause });
}

/** Closes the socket without the protocol's goodbye, because a hanging server would not answer it. */
export function closeAtOnce({ connection }: pg.Client): void {
  connection.stream.destroy();
}

/** The password is a parameter of the URL, because the driver prefers the URL to other options, even if it has no password. */
function withPassword(connectionString: string, password: string | undefined): string {
  if (password === undefined) return connectionString;
  return `${connectionString}${connectionString.includes("?") ? "&" : "?"}password=${encodeURIComponent(password)}`;
}
