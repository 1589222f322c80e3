// Opens one connection: the first host that answers and is fit, with its session pinned.
import pg from "pg";
import { StartupError } from "../../domain/startup-error.ts";
import { withPassword } from "../connection-string.ts";
import { type Hosts, hostsOf } from "./hosts.ts";
import { pinSession, type Session, type TimeLimits } from "./session.ts";

export interface Connector {
  /** Fails with what the last host said. */
  open(limits: TimeLimits): Promise<OpenConnection>;
}

export interface OpenConnection {
  client: pg.Client;
  session: Session;
}

/** A start that cannot reach its database ends within five seconds. */
const connectTimeoutMs = 3_000;
/** A host that says nothing must not use up the time that the next one needs. */
const connectTimeoutOfManyMs = 1_500;
/** So long a host that failed is asked last. */
const passOverMs = 2_000;
const keepAliveDelayMs = 10_000;

// bigint columns count things; they never pass 2^53.
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, Number);

/** `connectionString` may name several hosts. Fails with a StartupError where it asks for what is not supported. */
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
  // Nothing but what a pooler lets through: the session's settings are pinned by a statement.
  const client = new pg.Client({
    connectionString,
    application_name: "coffer",
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveDelayMs,
    types,
  });
  // Without a listener an error of a connection that nobody uses would end the process.
  client.on("error", () => {});
  // Of the whole of it: a server may take the connection and say nothing, or stop in the middle of the credentials.
  const timer = setTimeout(() => client.connection.stream.destroy(new Error("the server did not answer")), timeoutMs);
  try {
    await client.connect();
    const session = await pinSession(client, limits);
    if (mustBeWritable && session.isReadOnly) throw new Error("the server takes no writes");
    return { client, session };
  } catch (error) {
    closeAtOnce(client);
    throw isPasswordMissing(error) ? passwordMissing(error) : error;
  } finally {
    clearTimeout(timer);
  }
}

/** What pg says of a server that asks for a password when it has none. */
function isPasswordMissing(error: unknown): boolean {
  return error instanceof Error && /password must be a( non-empty)? string/i.test(error.message);
}

function passwordMissing(cause: unknown): StartupError {
  const message =
    "the database asks for a password: set COFFER_DATABASE_PASSWORD_FILE, or write it into COFFER_DATABASE_URL";
  return new StartupError(message, { cause });
}

/** Without a goodbye, whose answer a server that hangs would never give. */
export function closeAtOnce({ connection }: pg.Client): void {
  connection.stream.destroy();
}
