// Object storage, played by one real HTTP server on loopback, which checks what it is shown as the real ones do.
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AwsV4Signer } from "aws4fetch";

export interface StorageServices {
  origin: string;
  /** Settings with which coffer tries its storage credentials here. */
  env: Record<string, string>;
  /** The paths that were asked for, in order. */
  paths: string[];
  close(): Promise<void>;
}

/** The key pairs that the played S3 knows: what a key may do, by its id. */
const s3Keys: Record<string, { secret: string; may: "list" | "nothing" }> = {
  AKIAGOOD000000000000: { secret: "good/secret+key", may: "list" },
  AKIADENIED0000000000: { secret: "good/secret+key", may: "nothing" },
};

/** The account key that the played Azure knows. */
export const azureKey = Buffer.alloc(64, 9).toString("base64");

type Answer = [status: number, body: string];

export async function startStorageServices(): Promise<StorageServices> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? "");
    void answerTo(request).then((answer) => send(response, answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    env: {
      COFFER_VALIDATION: "on",
      COFFER_VALIDATION_ALLOW_PRIVATE: "127.0.0.1",
      COFFER_VALIDATION_S3_URL: `${origin}/s3`,
      COFFER_VALIDATION_R2_URL: `${origin}/s3`,
      COFFER_VALIDATION_AZURE_BLOB_URL: origin,
      COFFER_VALIDATION_B2_URL: `${origin}/b2`,
    },
    paths,
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function answerTo(request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? "", `http://${request.headers.host}`);
  const { authorization = "" } = request.headers;
  if (authorization.startsWith("AWS4-HMAC-SHA256")) return answerS3(url, request);
  if (authorization.startsWith("SharedKey")) return answerAccountKey(url, request);
  if (url.searchParams.has("sig")) return answerSas(url);
  if (url.pathname === "/b2/b2api/v3/b2_authorize_account") return answerB2(authorization);
  return [404, "nothing here"];
}

async function answerS3(url: URL, { headers }: IncomingMessage): Promise<Answer> {
  const { authorization = "" } = headers;
  const [, keyId = "", region = "", signed = ""] =
    /Credential=([^/]+)\/\d{8}\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+),/.exec(authorization) ?? [];
  if (keyId.includes("HTML")) return [502, "<html>bad gateway</html>"];
  if (keyId.includes("SKEW")) return s3Error(403, "RequestTimeTooSkewed");
  if (keyId.includes("SLOW")) return s3Error(503, "SlowDown");
  const key = s3Keys[keyId];
  if (!key) return s3Error(403, "InvalidAccessKeyId");
  const names = signed.split(";").filter((name) => name !== "host" && name !== "x-amz-date");
  const signer = new AwsV4Signer({
    url: url.href,
    headers: Object.fromEntries(names.map((name) => [name, String(headers[name])])),
    accessKeyId: keyId,
    secretAccessKey: key.secret,
    service: "s3",
    region,
    datetime: String(headers["x-amz-date"]),
    allHeaders: true,
  });
  const signature = await signer.signature();
  if (!authorization.endsWith(`Signature=${signature}`)) return s3Error(403, "SignatureDoesNotMatch");
  if (key.may === "nothing") return s3Error(403, "AccessDenied");
  return [200, `<?xml version="1.0"?><ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>`];
}

function s3Error(status: number, code: string): Answer {
  return [status, `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`];
}

/** The string to sign as Azure's documents spell it out, line by line. */
function answerAccountKey(url: URL, { headers }: IncomingMessage): Answer {
  const { authorization = "" } = headers;
  const [, account = "", signature = ""] = /^SharedKey ([^:]+):(.+)$/.exec(authorization) ?? [];
  const toSign = `GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:${headers["x-ms-date"]}\nx-ms-version:${headers["x-ms-version"]}\n/${account}${url.pathname}\ncomp:list\nmaxresults:1`;
  const expected = createHmac("sha256", Buffer.from(azureKey, "base64")).update(toSign).digest("base64");
  const isRecent = Math.abs(Date.parse(String(headers["x-ms-date"])) - Date.now()) < 60_000;
  return signature === expected && isRecent ? [200, "<EnumerationResults/>"] : azureError("AuthenticationFailed");
}

function answerSas({ searchParams, pathname }: URL): Answer {
  const asks = `${searchParams.get("restype")} ${searchParams.get("comp")} ${searchParams.get("maxresults")}`;
  if (asks !== "container list 1" || pathname !== "/acme/backups") return [400, "odd"];
  switch (searchParams.get("sig")) {
    case "good":
      return [200, "<EnumerationResults/>"];
    case "write-only":
      return azureError("AuthorizationPermissionMismatch");
    case "busy":
      return [503, "<Error><Code>ServerBusy</Code></Error>"];
    default:
      return azureError("AuthenticationFailed");
  }
}

function azureError(code: string): Answer {
  return [403, `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`];
}

function answerB2(authorization: string): Answer {
  const [id, key] = Buffer.from(authorization.replace("Basic ", ""), "base64").toString().split(":");
  if (key === "limited") return [429, JSON.stringify({ status: 429, code: "too_many_requests" })];
  if (id === "0012345678abcde0000000001" && key === "good") return [200, JSON.stringify({ accountId: "a" })];
  return [401, JSON.stringify({ status: 401, code: "unauthorized", message: `no ${key}` })];
}

function send(response: ServerResponse, [status, body]: Answer): void {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(body);
}
