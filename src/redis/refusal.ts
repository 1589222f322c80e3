// Reads from an error why a Redis server refuses commands.

/** Error codes of Redis that concern every command, each with its meaning. */
const meanings: Readonly<Record<string, string>> = {
  READONLY: "it is a replica, which takes no writes",
  OOM: "its memory is full (maxmemory)",
  NOPERM: "its user may not run the commands or use the keys (ACL)",
  NOAUTH: "it requires a password",
  WRONGPASS: "it does not accept the user name and password",
  MOVED: "it is a node of a cluster; use a redis+cluster:// URL",
  CLUSTERDOWN: "its cluster does not serve all slots",
  MASTERDOWN: "it is a replica without a primary",
  MISCONF: "it cannot save its data to disk",
  NOREPLICAS: "too few replicas are connected to it",
  LOADING: "it is loading its data",
  BUSY: "it is running a script that does not end",
  DENIED: "it runs in protected mode",
};

const code = new RegExp(`(?:^|[\\s-])(${Object.keys(meanings).join("|")})\\s`);

/** The error of a cluster says only that no node did as it was asked; the error of its last node says why. */
export function errorBehind(error: unknown): unknown {
  if (!(error instanceof Error) || !("lastNodeError" in error)) return error;
  return error.lastNodeError ?? error;
}

/** Returns the code and its meaning; undefined when the error concerns only one command. */
export function refusalIn(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (/max number of clients reached/.test(error.message)) return "it has too many clients (maxclients)";
  // Older servers quote the error of a command within a script.
  const found = code.exec(`${error.message} `)?.[1];
  return found === undefined ? undefined : `${found}: ${meanings[found]}`;
}

/** Returns whether the address may now lead to another server. */
export function isMoved(refusal: string): boolean {
  return /^(?:READONLY|MASTERDOWN|MOVED)/.test(refusal);
}
