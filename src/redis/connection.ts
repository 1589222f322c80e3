// Access to Redis with short time-outs, no queue and a breaker, so that a dead, slow, stopped or refusing Redis costs little.
import { type ClientOptions, commandTimeoutMs, openClient, type RedisClient } from "./open-client.ts";
import { errorBehind, isMoved, refusalIn } from "./refusal.ts";

export interface RedisConnection {
  readonly client: RedisClient;
  /** Returns the command's answer; the fallback's if Redis fails, has failed within the last second, or refuses commands. */
  run<T>(command: (client: RedisClient) => Promise<T>, fallback: () => T | Promise<T>): Promise<T>;
  close(): void;
}

/** `cause` is for the log and contains no keys or credentials. */
export type RedisState =
  | { is: "up" }
  /** Redis cannot be reached or does not answer. */
  | { is: "down"; cause: string }
  /** Redis answers but refuses commands. */
  | { is: "refusing"; cause: string };

export interface RedisConnectionOptions extends ClientOptions {
  /** The prefix of all keys. */
  prefix: string;
  /** Called once for each change. */
  onStateChange: (state: RedisState) => void;
}

const breakerMs = 1_000;
/** The interval of checks while Redis does not work. */
const probeEveryMs = 500;
/** Limits reconnections to a server that keeps refusing. */
const reconnectEveryMs = 1_000;
const closedCause = "the connection is closed";
const closedReportMs = 400;
/** One late answer more likely means a busy machine than a slow Redis. */
const lateAnswersMax = 3;

/** Connects in the background and reconnects without end. */
export function connectRedis(url: string, options: RedisConnectionOptions): RedisConnection {
  const client = openClient(url, options);
  const probeKey = `${options.prefix}:probe`;
  let state: RedisState | undefined;
  let reported: RedisState | undefined;
  let reporting: NodeJS.Timeout | undefined;
  let lateAnswers = 0;
  let brokenUntilMs = 0;
  let probing: NodeJS.Timeout | undefined;
  let reconnectedMs = Number.NEGATIVE_INFINITY;
  let isClosed = false;

  function enter(next: RedisState): void {
    if (isClosed) return;
    state = next;
    if (next.is === "up") stopProbing();
    else probing ??= setInterval(() => void probe(), probeEveryMs).unref();
    clearTimeout(reporting);
    // The next attempt to connect shows why the connection was closed, or succeeds.
    if (next.is === "down" && next.cause === closedCause) reporting = setTimeout(report, closedReportMs).unref();
    else report();
  }

  function report(): void {
    if (!state) return;
    const isKnown = reported?.is === state.is && (state.is !== "refusing" || causeIn(reported) === state.cause);
    if (isKnown) return;
    reported = state;
    options.onStateChange(state);
  }

  function stopProbing(): void {
    clearInterval(probing);
    probing = undefined;
    lateAnswers = 0;
  }

  /** Runs every kind of command that coffer uses. */
  async function probe(): Promise<void> {
    if (client.status !== "ready") return;
    try {
      await client.eval(
        "redis.call('set', KEYS[1], '0', 'EX', 1) redis.call('incrby', KEYS[1], 1) return redis.call('pttl', KEYS[1])",
        1,
        probeKey,
      );
      await client.exists(probeKey);
      enter({ is: "up" });
    } catch (error) {
      noteFailure(error);
    }
  }

  function noteFailure(given: unknown): void {
    const error = errorBehind(given);
    const refusal = refusalIn(error);
    if (refusal !== undefined) {
      enter({ is: "refusing", cause: refusal });
      // The name may now resolve to another server.
      if (isMoved(refusal) && client.status === "ready" && performance.now() - reconnectedMs >= reconnectEveryMs) {
        reconnectedMs = performance.now();
        client.disconnect(true);
      }
      return;
    }
    const isLate = error instanceof Error && error.message === "Command timed out";
    if (isLate && ++lateAnswers >= lateAnswersMax && state?.is === "up") {
      enter({ is: "down", cause: `it does not answer within ${commandTimeoutMs} ms` });
    }
  }

  client.on("ready", () => void probe());
  client.on("close", () => {
    // A refusing server is connected repeatedly; it counts as down when that fails.
    if (state?.is !== "refusing") enter({ is: "down", cause: closedCause });
  });
  client.on("error", (given) => {
    const error = errorBehind(given);
    const refusal = refusalIn(error);
    enter(refusal === undefined ? { is: "down", cause: causeOf(error) } : { is: "refusing", cause: refusal });
  });

  return {
    client,
    async run(command, fallback) {
      if (client.status !== "ready" || state?.is !== "up" || performance.now() < brokenUntilMs) return fallback();
      try {
        const answer = await command(client);
        lateAnswers = 0;
        return answer;
      } catch (error) {
        brokenUntilMs = performance.now() + breakerMs;
        noteFailure(error);
        return fallback();
      }
    },
    close() {
      isClosed = true;
      stopProbing();
      clearTimeout(reporting);
      client.disconnect();
    },
  };
}

function causeIn(state: RedisState): string {
  return state.is === "up" ? "" : state.cause;
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
