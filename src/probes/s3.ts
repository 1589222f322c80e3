// Services with the S3 API: ListBuckets, one signed request through the guard.
import { AwsV4Signer } from "aws4fetch";
import { invalid, type Probe, unanswered, unexpected, valid } from "./probe.ts";

// These errors mean that the key is known and the signature correct. Permissions do not matter.
const acceptances = new Set(["AccessDenied", "AllAccessDisabled"]);
const refusals = new Set(["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"]);

export const probeS3: Probe = async ({ baseUrl, send, now }, parts) => {
  const url = new URL(baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`);
  url.searchParams.set("max-buckets", "1");
  const signer = new AwsV4Signer({
    method: "GET",
    url: url.href,
    accessKeyId: parts.get("access_key_id") ?? "",
    secretAccessKey: parts.get("secret_access_key") ?? "",
    service: "s3",
    region: regionOf(url),
    datetime: now()
      .toISOString()
      .replaceAll(/[:-]|\.\d{3}/g, ""),
  });
  const { headers } = await signer.sign();
  const answer = await send({ method: "GET", url, headers: Object.fromEntries(headers) });
  if (answer.status === 200) return valid;
  const code = /<Code>(\w+)<\/Code>/.exec(answer.body)?.[1] ?? "";
  if (acceptances.has(code)) return valid;
  if (refusals.has(code)) return invalid("the service does not accept the key");
  // The clocks differ. That does not tell whether the key is valid.
  if (code === "RequestTimeTooSkewed") return unanswered("the service says that coffer's clock is wrong");
  return unexpected(answer);
};

/** Reads the region from the endpoint: `s3.<region>.example`. Services without regions accept the default. */
function regionOf({ hostname }: URL): string {
  return /^s3[.-]([a-z]{2,}-[a-z0-9-]+)\./.exec(hostname)?.[1] ?? "us-east-1";
}
