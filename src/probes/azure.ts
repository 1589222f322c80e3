// Azure: requests an access token with the client secret (RFC 6749, 4.4) and discards it.
import { invalid, objectIn, type Probe, textIn, unexpected, untriable, valid } from "./probe.ts";

const scope = "https://management.azure.com/.default";
const refusals = new Set(["invalid_client", "unauthorized_client", "invalid_grant", "invalid_request"]);

/** The field names of Microsoft's tools and of its documents. */
const names = {
  tenant: ["tenant_id", "tenantId", "tenant"],
  client: ["client_id", "clientId", "appId"],
  secret: ["client_secret", "clientSecret", "password"],
} as const;

export const probeAzure: Probe = async ({ baseUrl, send }, parts) => {
  const given = { ...Object.fromEntries(parts), ...objectIn(parts.get("value") ?? "") };
  const tenant = textIn(given, ...names.tenant);
  const client = textIn(given, ...names.client);
  const secret = textIn(given, ...names.secret);
  if (tenant === undefined || client === undefined) return invalid("the value has no tenant_id and client_id");
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/.test(tenant)) return invalid("tenant_id is not a valid tenant id");
  if (secret === undefined) return untriable("clients without a client_secret are not tried");
  const form = { grant_type: "client_credentials", client_id: client, client_secret: secret, scope };
  const answer = await send({
    method: "POST",
    url: new URL(`${baseUrl}/${tenant}/oauth2/v2.0/token`),
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
  });
  if (answer.status === 200) return valid;
  const isRefused = [400, 401].includes(answer.status) && refusals.has(textIn(objectIn(answer.body), "error") ?? "");
  return isRefused ? invalid("Azure does not accept the client's secret") : unexpected(answer);
};
