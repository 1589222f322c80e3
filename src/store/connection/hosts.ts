// The servers that a database URL names: several hosts, as libpq writes them, are tried in their order.
import { StartupError } from "../../domain/error/startup-error.ts";

export interface Hosts {
  /** One connection string for each host, in the order in which coffer tries them. */
  connectionStrings: readonly [string, ...string[]];
  /** True: coffer skips a read-only server. */
  mustBeWritable: boolean;
}

const attribute = "target_session_attrs";
const writableAttributes = ["read-write", "primary"];

/** Fails with a StartupError that names what is not supported. */
export function hostsOf(connectionString: string): Hosts {
  const mark = connectionString.indexOf("?");
  const base = mark < 0 ? connectionString : connectionString.slice(0, mark);
  const parameters = new URLSearchParams(mark < 0 ? "" : connectionString.slice(mark + 1));
  const wanted = parameters.get(attribute) ?? "any";
  if (wanted !== "any" && !writableAttributes.includes(wanted)) {
    throw new StartupError(
      `${attribute}=${wanted} in COFFER_DATABASE_URL is not supported, because coffer must write; use read-write`,
    );
  }
  const connectionStrings = stringsOf(base, parameters, mark < 0 ? "" : connectionString.slice(mark));
  // A list of hosts names a primary and its standbys: the first that answers may be read-only.
  return { connectionStrings, mustBeWritable: wanted !== "any" || connectionStrings.length > 1 };
}

function stringsOf(base: string, parameters: URLSearchParams, query: string): readonly [string, ...string[]] {
  const named = parameters.get("host");
  const isList = named?.includes(",") ?? false;
  // Unchanged if possible, so that a password is not encoded again.
  const rest = isList || parameters.has(attribute) ? withoutLists(parameters, isList) : query;
  const [scheme = "", authority = "", path = ""] = /^(\w+:\/\/)([^/]*)(.*)$/s.exec(base)?.slice(1) ?? [];
  const at = authority.lastIndexOf("@") + 1;
  const servers = authority.slice(at).split(",");
  if (isList && named) {
    const ports = (parameters.get("port") ?? "").split(",");
    return mapped(named.split(","), (host, index) => {
      const port = ports[index] ?? (ports.length === 1 ? ports[0] : "");
      const own = new URLSearchParams({ host, ...(port ? { port } : {}) });
      return `${base}${rest === "" ? "?" : `${rest}&`}${own}`;
    });
  }
  if (servers.length === 1) return [`${base}${rest}`];
  return mapped(servers, (server) => `${scheme}${authority.slice(0, at)}${server}${path}${rest}`);
}

function withoutLists(parameters: URLSearchParams, isList: boolean): string {
  const rest = new URLSearchParams(parameters);
  rest.delete(attribute);
  if (isList) {
    rest.delete("host");
    rest.delete("port");
  }
  return rest.size === 0 ? "" : `?${rest}`;
}

function mapped(list: readonly string[], map: (item: string, index: number) => string): readonly [string, ...string[]] {
  return list.map(map) as [string, ...string[]];
}
