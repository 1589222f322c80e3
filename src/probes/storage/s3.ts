// Services with the API of S3: ListBuckets, by the official client, whose requests go through the guard.
import { Readable } from "node:stream";
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { invalid, type Probe, type ProbeContext, unanswered, unexpected, valid } from "../probe.ts";

/** The part of the client's requests that a request without a body has. */
interface SignedRequest {
  method: string;
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
}

// The key is known and the signature right: what it may do is another matter.
const acceptances = new Set(["AccessDenied", "AllAccessDisabled"]);
const refusals = new Set(["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"]);

export const probeS3: Probe = async (context, parts) => {
  const accessKeyId = parts.get("access_key_id") ?? "";
  const secretAccessKey = parts.get("secret_access_key") ?? "";
  // Large, and not needed before somebody tries such a key.
  const { S3Client, ListBucketsCommand, S3ServiceException } = await import("@aws-sdk/client-s3");
  let status = 0;
  const client = new S3Client({
    endpoint: context.baseUrl,
    region: regionOf(new URL(context.baseUrl)),
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey },
    requestHandler: guardedHandler(context, (seen) => {
      status = seen;
    }),
  });
  try {
    await client.send(new ListBucketsCommand({ MaxBuckets: 1 }));
    return valid;
  } catch (error) {
    if (!(error instanceof S3ServiceException)) {
      // What is no answer of an S3 at all is told by its status; what never came is the guard's to tell.
      if (status === 0) throw error;
      return unexpected({ status, headers: {}, body: "" });
    }
    if (acceptances.has(error.name)) return valid;
    if (refusals.has(error.name)) return invalid("the service does not accept the key");
    // Its time is not ours: that says nothing about the key.
    if (error.name === "RequestTimeTooSkewed") return unanswered("the service says that coffer's clock is wrong");
    return unexpected({ status, headers: {}, body: "" });
  } finally {
    client.destroy();
  }
};

function guardedHandler(
  { send }: ProbeContext,
  onStatus: (status: number) => void,
): NonNullable<S3ClientConfig["requestHandler"]> {
  return {
    async handle({ method, protocol, hostname, port, path, query, headers }: SignedRequest) {
      const url = new URL(`${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`);
      for (const [name, value] of Object.entries(query ?? {})) url.searchParams.append(name, String(value ?? ""));
      if (method !== "GET") throw new Error(`a probe only reads: ${method}`);
      const answer = await send({ method, url, headers });
      onStatus(answer.status);
      const answered = Object.entries(answer.headers).map(([name, value]) => [name, String(value)]);
      return {
        response: {
          statusCode: answer.status,
          headers: Object.fromEntries(answered) as Record<string, string>,
          body: Readable.from([Buffer.from(answer.body)]),
        },
      };
    },
  };
}

/** As the names of endpoints say it: `s3.<region>.example`. Who has no regions takes this one for its own. */
function regionOf({ hostname }: URL): string {
  return /^s3[.-]([a-z]{2,}-[a-z0-9-]+)\./.exec(hostname)?.[1] ?? "us-east-1";
}
