// The error of a failed start. Its message is one public line; the process prints it and exits with 1.

export class StartupError extends Error {
  override name = "StartupError";
}

/** Turns a foreign error (file system, spawn) into one line that says what coffer was doing. */
export function toStartupError(doing: string, cause: unknown): StartupError {
  if (cause instanceof StartupError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new StartupError(`${doing}: ${message.replaceAll(/\s*\n\s*/g, " ").trim()}`, { cause });
}
