// OCI registries: /v2/, with Basic or Docker's tokens, as the registry asks.
import type { OutboundAnswer } from "../net-guard/request.ts";
import { invalid, type Probe, unexpected, untriable, type Verdict, valid } from "./probe.ts";

export const probeOciRegistry: Probe = async ({ baseUrl, send }, parts) => {
  const username = parts.get("username");
  const password = parts.get("value");
  if (!username || !password) return untriable("it takes a username to try the password");
  if (username.includes(":")) return invalid("the username has a colon, which no registry takes");
  const url = new URL(`${baseUrl}/v2/`);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const asked = await send({ method: "GET", url, headers: {} });
  if (asked.status === 200) return untriable("the registry asks nobody for a password");
  if (asked.status !== 401) return unexpected(asked);
  const challenge = asked.headers["www-authenticate"] ?? "";
  if (/^basic\b/i.test(challenge)) return verdictOn(await send({ method: "GET", url, headers: { authorization } }));
  const tokenUrl = tokenUrlIn(challenge, url);
  if (tokenUrl === undefined) return untriable("the registry asks in a way that coffer does not know");
  tokenUrl.searchParams.set("account", username);
  return verdictOn(await send({ method: "GET", url: tokenUrl, headers: { authorization } }));
};

/** Reads `Bearer realm="…",service="…"`. The password is never sent to a less secure address than the registry's. */
function tokenUrlIn(challenge: string, registry: URL): URL | undefined {
  if (!/^bearer\s/i.test(challenge)) return undefined;
  const parameter = (name: string) => new RegExp(`[\\s,]${name}="([^"]*)"`, "i").exec(challenge)?.[1];
  const realm = URL.parse(parameter("realm") ?? "");
  if (realm === null || (realm.protocol !== "https:" && realm.origin !== registry.origin)) return undefined;
  const service = parameter("service");
  if (service !== undefined) realm.searchParams.set("service", service);
  return realm;
}

function verdictOn(answer: OutboundAnswer): Verdict {
  if (answer.status === 200) return valid;
  return [401, 403].includes(answer.status)
    ? invalid("the registry does not accept username and password")
    : unexpected(answer);
}
