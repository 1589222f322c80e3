// Google Cloud: signs a request for an access token with the service account's key (RFC 7523), and discards the token.
import { importPKCS8, SignJWT } from "jose";
import {
  invalid,
  objectIn,
  type Probe,
  type ProbeContext,
  textIn,
  unanswered,
  unexpected,
  type Verdict,
  valid,
} from "./probe.ts";

// The audience that Google requires, whatever address is called. coffer ignores the key's own `token_uri`:
// otherwise the author of the value would choose the host that coffer calls.
const audience = "https://oauth2.googleapis.com/token";
const lifetimeS = 300;
const noKey = invalid("the value is not a service account key");

export const probeGcp = probeServiceAccount("value", "https://www.googleapis.com/auth/userinfo.email");

export const probeGcs = probeServiceAccount(
  "service_account_json",
  "https://www.googleapis.com/auth/devstorage.read_only",
);

/** `part` is the name of the part with the key file. */
function probeServiceAccount(part: string, scope: string): Probe {
  return (context, parts) => probe(context, parts.get(part) ?? "", scope);
}

async function probe({ baseUrl, send, now }: ProbeContext, keyFile: string, scope: string): Promise<Verdict> {
  const account = objectIn(keyFile);
  const email = textIn(account, "client_email");
  const pem = textIn(account, "private_key");
  const key = pem === undefined ? undefined : await importPKCS8(pem, "RS256").catch(() => undefined);
  if (email === undefined || key === undefined) return noKey;
  const issuedS = Math.floor(now().getTime() / 1000);
  const keyId = textIn(account, "private_key_id");
  const assertion = await new SignJWT({ scope })
    .setProtectedHeader({ alg: "RS256", typ: "JWT", ...(keyId === undefined ? {} : { kid: keyId }) })
    .setIssuer(email)
    .setAudience(audience)
    .setIssuedAt(issuedS)
    .setExpirationTime(issuedS + lifetimeS)
    .sign(key)
    .catch(() => undefined);
  if (assertion === undefined) return noKey;
  const form = new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const answer = await send({ method: "POST", url: new URL(baseUrl), headers, body: form.toString() });
  if (answer.status === 200) return valid;
  const said = objectIn(answer.body);
  // The clocks differ. That does not tell whether the key is valid.
  if (/\b(?:iat|exp|short-lived)\b/.test(textIn(said, "error_description") ?? "")) {
    return unanswered("Google says that coffer's clock is wrong");
  }
  const isRefused = ["invalid_grant", "invalid_client", "unauthorized_client"].includes(textIn(said, "error") ?? "");
  return isRefused ? invalid("Google does not accept the key") : unexpected(answer);
}
