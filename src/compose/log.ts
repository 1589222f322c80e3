// Logging: one line an event, as text for people or JSON for machines.
import { Writable } from "node:stream";
import pino from "pino";
import type { Config } from "../config/config.ts";

export type Logger = pino.Logger;

/** Writes to stdout. */
export function createLogger({ logFormat, logLevel }: Pick<Config, "logFormat" | "logLevel">): Logger {
  const options: pino.LoggerOptions = {
    level: logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: describeError },
  };
  return logFormat === "json" ? pino(options, pino.destination({ sync: false })) : pino(options, textStream());
}

/** Leaves out messages of foreign errors, because they may quote values. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const code = "code" in error ? String(error.code) : undefined;
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return {
    name: error.name,
    ...(code === undefined ? {} : { code }),
    at: frames.slice(0, 4).map((line) => line.trim()),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

function textStream(): Writable {
  // Without a listener the error of a closed stdout would end the process.
  process.stdout.on("error", () => {});
  return new Writable({
    write(line, _encoding, done) {
      process.stdout.write(`${toText(JSON.parse(String(line)))}\n`, () => done());
    },
  });
}

function toText({ time, level, msg, ...fields }: Record<string, unknown>): string {
  const rest = Object.entries(fields).map(([name, value]) =>
    typeof value === "string" ? `${name}=${value}` : `${name}=${JSON.stringify(value)}`,
  );
  return [time, String(level).padEnd(5), msg, ...rest].join(" ");
}

const textLengthMax = 200;

/** From now on the log has the lines that libraries and Node would print. */
export function logLibraryLines(log: Logger): void {
  // Only strings, because an object may hold a secret.
  const write = (first: unknown) => {
    const [text = ""] = typeof first === "string" ? first.split("\n") : [];
    log.warn({ text: text.slice(0, textLengthMax) }, "a library wrote to the console");
  };
  for (const name of ["log", "info", "warn", "error", "debug", "trace"] as const) console[name] = write;
  process.removeAllListeners("warning");
  process.on("warning", ({ name, message }) => {
    log.warn({ name, text: message.slice(0, textLengthMax) }, "warning from Node");
  });
}
