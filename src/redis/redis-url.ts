// Reads COFFER_REDIS_URL: one server, a primary found by Sentinels, or a cluster.

interface Access {
  username: string | undefined;
  password: string | undefined;
  tls: boolean;
}

export interface RedisNode {
  host: string;
  port: number;
}

export type RedisTarget =
  | { kind: "single"; url: string }
  | ({ kind: "sentinel"; nodes: readonly RedisNode[]; name: string; db: number } & Access)
  | ({ kind: "cluster"; nodes: readonly RedisNode[] } & Access);

/** Schemes of `COFFER_REDIS_URL`. */
export const redisProtocols = [
  ...["redis:", "rediss:", "unix:"],
  ...["redis+sentinel:", "rediss+sentinel:", "redis+cluster:", "rediss+cluster:"],
] as const;

export const redisUrlForms =
  "redis://[user:password@]host:port[/db], rediss://…, unix:///path, redis+sentinel://[user:password@]host:port,host:port/name[/db] or " +
  "redis+cluster://[user:password@]host:port,host:port (rediss+… with TLS)";

const several = /^(rediss?)\+(sentinel|cluster):\/\/(?:([^@/]*)@)?([^/?#@]+)(?:\/([^/?#]+)(?:\/(\d{1,3}))?)?\/?$/;
const defaultPorts = { sentinel: 26_379, cluster: 6_379 };

/** Returns undefined for a text of another form. */
export function readRedisUrl(text: string): RedisTarget | undefined {
  if (!/^rediss?\+/.test(text)) return readSingle(text);
  const [, scheme, kind, access = "", hosts = "", name, db = "0"] = several.exec(text) ?? [];
  if (kind !== "sentinel" && kind !== "cluster") return undefined;
  const nodes = hosts.split(",").map((host) => readNode(host, defaultPorts[kind]));
  const known = nodes.filter((node) => node !== undefined);
  const credentials = readCredentials(access);
  if (known.length < nodes.length || !credentials) return undefined;
  const shared = { nodes: known, ...credentials, tls: scheme === "rediss" };
  if (kind === "cluster") return name === undefined ? { kind, ...shared } : undefined;
  const decoded = name === undefined ? undefined : decode(name);
  return decoded === undefined ? undefined : { kind, ...shared, name: decoded, db: Number(db) };
}

/** Refuses invalid escapes and databases that are not numbers: the client would fail with unclear errors. */
function readSingle(text: string): RedisTarget | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, pathname } = new URL(text);
  if (decode(username) === undefined || decode(password) === undefined) return undefined;
  if (protocol !== "unix:" && !/^\/?\d{0,3}$/.test(pathname)) return undefined;
  return { kind: "single", url: text };
}

/** An IPv6 address is in brackets. */
function readNode(text: string, defaultPort: number): RedisNode | undefined {
  const [, bracketed, plain = bracketed, port = String(defaultPort)] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  return plain === undefined || Number(port) > 65_535 ? undefined : { host: plain, port: Number(port) };
}

function readCredentials(text: string): Pick<Access, "username" | "password"> | undefined {
  const [name = "", ...rest] = text.split(":");
  const username = decode(name);
  const password = decode(rest.join(":"));
  if (username === undefined || password === undefined) return undefined;
  return { username: username || undefined, password: rest.length === 0 ? undefined : password };
}

/** Returns undefined when the escapes are not valid. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
