// Azure Blob Storage: lists one container or blob, as the shared access signature or account key allows.
import { createHmac } from "node:crypto";
import type { OutboundAnswer } from "../net-guard/request.ts";
import type { Verdict } from "./probe.ts";
import { type CredentialParts, invalid, type Probe, type ProbeContext, unexpected, untriable, valid } from "./probe.ts";

const serviceVersion = "2022-11-02";
// These errors mean that the key is known and the signature correct. Permissions and missing containers do not matter.
const acceptances = new Set([
  "AuthorizationPermissionMismatch",
  "AuthorizationResourceTypeMismatch",
  "AuthorizationServiceMismatch",
  "ContainerNotFound",
  "ResourceNotFound",
]);
const refusals = new Set(["AuthenticationFailed", "AuthorizationFailure", "InvalidAuthenticationInfo"]);

export const probeAzureBlob: Probe = async (context, parts) => {
  const sasUrl = parts.get("sas_url");
  return sasUrl === undefined ? probeAccountKey(context, parts) : probeSas(context, new URL(sasUrl));
};

async function probeSas({ baseUrl, send, now }: ProbeContext, sas: URL): Promise<Verdict> {
  const base = new URL(baseUrl);
  // The signature is sent only to the storage service, even if the URL names another host.
  if (sas.host !== base.host && !isAccountOf(sas, base)) return untriable("the URL is of another storage service");
  const { searchParams } = sas;
  const [start, end] = ["st", "se"].map((name) => Date.parse(searchParams.get(name) ?? ""));
  if (end !== undefined && end <= now().getTime()) return invalid("the shared access signature has expired");
  if (start !== undefined && start > now().getTime()) return invalid("the shared access signature is not valid yet");
  const url = new URL(sas);
  url.protocol = base.protocol;
  const [container = ""] = sas.pathname.slice(1).split("/");
  // An account signature lists containers; a signature within a container lists its blobs.
  const isForAccount = searchParams.has("ss");
  if (!isForAccount && sas.host !== base.host) url.pathname = `/${container}`;
  if (!isForAccount) url.searchParams.set("restype", "container");
  url.searchParams.set("comp", "list");
  url.searchParams.set("maxresults", "1");
  return verdictOf(await send({ method: "GET", url, headers: { "x-ms-version": serviceVersion } }));
}

/** Shared Key: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key. */
async function probeAccountKey({ baseUrl, send, now }: ProbeContext, parts: CredentialParts): Promise<Verdict> {
  const account = parts.get("account_name") ?? "";
  const key = Buffer.from(parts.get("account_key") ?? "", "base64");
  const base = new URL(baseUrl);
  const isOwnHost = isPublicService(base);
  const url = new URL(isOwnHost ? `${base.protocol}//${account}.${base.host}/` : `${base.origin}/${account}/`);
  url.searchParams.set("comp", "list");
  url.searchParams.set("maxresults", "1");
  const headers = { "x-ms-date": now().toUTCString(), "x-ms-version": serviceVersion };
  const toSign = [
    ...["GET", ...new Array<string>(11).fill("")],
    ...Object.entries(headers).map(([name, value]) => `${name}:${value}`),
    `/${account}${url.pathname}`,
    ...["comp:list", "maxresults:1"],
  ].join("\n");
  const signature = createHmac("sha256", key).update(toSign, "utf8").digest("base64");
  key.fill(0);
  return verdictOf(
    await send({ method: "GET", url, headers: { ...headers, authorization: `SharedKey ${account}:${signature}` } }),
  );
}

/** Accounts are subdomains of the service; emulators use paths instead. */
function isPublicService({ hostname }: URL): boolean {
  return hostname.startsWith("blob.");
}

function isAccountOf(url: URL, service: URL): boolean {
  const [account = "", ...rest] = url.host.split(".");
  return isPublicService(service) && /^[a-z0-9]{3,24}$/.test(account) && rest.join(".") === service.host;
}

function verdictOf(answer: OutboundAnswer): Verdict {
  if (answer.status === 200) return valid;
  const code = /<Code>(\w+)<\/Code>/.exec(answer.body)?.[1] ?? String(answer.headers["x-ms-error-code"] ?? "");
  if (acceptances.has(code)) return valid;
  return refusals.has(code) ? invalid("the storage service does not accept the credential") : unexpected(answer);
}
