// The error of a start that cannot go on: its message is one public line, all that is printed before exit 1.

export class StartupError extends Error {
  override name = "StartupError";
}

/** Foreign errors (file system, spawn) become one line that says what coffer was doing. */
export function toStartupError(doing: string, cause: unknown): StartupError {
  if (cause instanceof StartupError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new StartupError(`${doing}: ${message.replaceAll(/\s*\n\s*/g, " ").trim()}`, { cause });
}
