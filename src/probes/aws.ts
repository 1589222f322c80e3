// AWS: GetCallerIdentity, which no policy can deny.
import { AwsV4Signer } from "aws4fetch";
import { invalid, type Probe, unanswered, unexpected, untriable, valid } from "./probe.ts";

const body = "Action=GetCallerIdentity&Version=2011-06-15";
const refusals = new Set([
  "InvalidClientTokenId",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
  "AccessDenied",
]);

export const probeAws: Probe = async ({ baseUrl, send, now }, parts) => {
  const accessKeyId = parts.get("aws_access_key_id")?.trim();
  const secretAccessKey = parts.get("value")?.trim();
  if (!accessKeyId || !secretAccessKey) return untriable("it takes aws_access_key_id to try the key");
  const sessionToken = parts.get("aws_session_token");
  if (!/^\w{16,128}$/.test(accessKeyId)) return invalid("aws_access_key_id is not a valid access key id");
  if (sessionToken !== undefined && !/^[!-~]+$/.test(sessionToken))
    return invalid("the session token has not its form");
  const url = new URL(`${baseUrl}/`);
  const signer = new AwsV4Signer({
    method: "POST",
    url: url.href,
    headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
    body,
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    service: "sts",
    region: regionOf(url),
    datetime: now()
      .toISOString()
      .replaceAll(/[:-]|\.\d{3}/g, ""),
  });
  const { headers } = await signer.sign();
  const answer = await send({ method: "POST", url, headers: Object.fromEntries(headers), body });
  if (answer.status === 200) return valid;
  const code = /<Code>(\w+)<\/Code>/.exec(answer.body)?.[1] ?? "";
  // The clocks differ. That does not tell whether the key is valid.
  if (/signature (?:expired|not yet current)/i.test(answer.body))
    return unanswered("AWS says that coffer's clock is wrong");
  if (code === "ExpiredToken") return invalid("the session token has expired");
  return refusals.has(code) ? invalid("AWS does not accept the key") : unexpected(answer);
};

/** `sts.<region>.amazonaws.com`; the address without a region is in us-east-1. */
function regionOf({ hostname }: URL): string {
  return /^sts(?:-fips)?\.([a-z0-9-]+)\.amazonaws\./.exec(hostname)?.[1] ?? "us-east-1";
}
