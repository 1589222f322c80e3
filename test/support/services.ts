// The services that credentials are for, played by one real HTTP server on loopback: what a credential is called says what it meets.
import { createHash, createHmac, generateKeyPairSync, verify } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface Call {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface Services {
  origin: string;
  /** Settings with which coffer tries its credentials here. */
  env: Record<string, string>;
  /** Every request that came, in order. */
  calls: Call[];
  /** The requests about a credential, by a text that they hold. */
  callsWith(text: string): Call[];
  /** How many requests were under way at once at most. */
  atOnceMax(): number;
  close(): Promise<void>;
}

/** The key of a service account that the played Google knows. */
const googleKey = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

export const googleValue = (mode: string, privateKey = googleKey.privateKey) =>
  JSON.stringify({
    client_email: `${mode}@project.iam.gserviceaccount.com`,
    private_key: privateKey,
    private_key_id: "key-1",
    token_uri: "http://169.254.169.254/",
  });

export const azureValue = (secret: string) =>
  JSON.stringify({ tenant_id: "tenant-1", client_id: "c", client_secret: secret });

/** The keys that AWS knows. Other access key ids select an answer by their name. */
const awsSecrets: Record<string, string> = {
  AKIAGOOD000000000000: "good-aws-secret/+",
  AKIABAD0000000000000: "another",
};

interface Meeting {
  /** The name of the credential, and whether it is valid. */
  mode: string;
  ok: () => [status: number, body: string];
  refuse: () => [status: number, body: string];
}

export async function startServices(): Promise<Services> {
  const calls: Call[] = [];
  let underWay = 0;
  let atOnceMax = 0;
  const server = createServer((request, response) => {
    underWay++;
    atOnceMax = Math.max(atOnceMax, underWay);
    response.on("close", () => void underWay--);
    void bodyOf(request).then((body) => {
      const call = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
      calls.push(call);
      return answer(call, response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    env: {
      COFFER_VALIDATION: "on",
      COFFER_VALIDATION_ALLOW_PRIVATE: "127.0.0.1",
      COFFER_VALIDATION_HCLOUD_URL: `${origin}/hcloud/v1`,
      COFFER_VALIDATION_AWS_URL: `${origin}/aws`,
      COFFER_VALIDATION_GCP_URL: `${origin}/gcp/token`,
      COFFER_VALIDATION_AZURE_URL: `${origin}/azure`,
      COFFER_VALIDATION_OCI_REGISTRY_URL: `${origin}/oci`,
      COFFER_VALIDATION_CLOUDFLARE_URL: `${origin}/cloudflare`,
    },
    calls,
    callsWith: (text) => calls.filter((call) => JSON.stringify([call.path, call.headers, call.body]).includes(text)),
    atOnceMax: () => atOnceMax,
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}

async function answer(call: Call, response: ServerResponse): Promise<void> {
  const meeting = meet(call, response);
  if (meeting === undefined) return;
  const { mode, ok, refuse } = meeting;
  if (mode.includes("hang")) return;
  if (mode.includes("500")) return send(response, [500, "fault"]);
  if (mode.includes("429")) return send(response, [429, "slower"]);
  if (mode.includes("redirect")) {
    response.setHeader("location", "/hcloud/v1/elsewhere");
    return send(response, [302, ""]);
  }
  if (mode.includes("huge")) return send(response, [200, "x".repeat(10 * 1024 * 1024)]);
  if (mode.includes("cut")) {
    response.writeHead(200, { "content-length": "1000" });
    response.write("{");
    await sleep(50);
    response.destroy();
    return;
  }
  if (mode.includes("trickle")) {
    response.writeHead(200);
    while (!response.destroyed) {
      response.write(" ");
      await sleep(200);
    }
    return;
  }
  send(response, mode.includes("good") ? ok() : refuse());
}

function send(response: ServerResponse, [status, body]: [number, string]): void {
  response.statusCode = status;
  response.end(body);
}

const json = (status: number, body: object): [number, string] => [status, JSON.stringify(body)];

/** Undefined when it is answered already. */
function meet(call: Call, response: ServerResponse): Meeting | undefined {
  const [, service = ""] = call.path.split(/[/?]/);
  const { authorization = "" } = call.headers;
  switch (service) {
    case "hcloud":
      return {
        mode: /^Bearer (.*)$/.exec(authorization)?.[1] ?? "bad",
        ok: () => (call.path === "/hcloud/v1/locations?per_page=1" ? json(200, { locations: [] }) : [404, ""]),
        refuse: () => json(401, { error: { code: "unauthorized" } }),
      };
    case "cloudflare":
      return {
        mode: /^Bearer (.*)$/.exec(authorization)?.[1] ?? "bad",
        ok: () =>
          json(200, { success: true, result: { status: authorization.includes("expired") ? "expired" : "active" } }),
        refuse: () => json(401, { success: false, errors: [{ code: 1000 }] }),
      };
    case "aws":
      return meetAws(call);
    case "gcp":
      return meetGoogle(call);
    case "azure":
      return {
        mode: new URLSearchParams(call.body).get("client_secret") ?? "bad",
        ok: () => (call.path === "/azure/tenant-1/oauth2/v2.0/token" ? json(200, { access_token: "t" }) : [404, ""]),
        refuse: () => json(401, { error: "invalid_client", error_description: call.body }),
      };
    case "oci":
    case "oci-token":
      return meetRegistry(call, response);
    default:
      send(response, [404, ""]);
      return undefined;
  }
}

function meetAws({ method, path, headers, body }: Call): Meeting {
  const { authorization = "" } = headers;
  const parts = /Credential=([^/]+)\/(\d{8})\/([^/]+)\/sts\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)/;
  const [, keyId = "", day = "", region = "", signed = "", signature = ""] = parts.exec(authorization) ?? [];
  const hash = (text: string) => createHash("sha256").update(text).digest("hex");
  const canonical = [
    ...[method, path, ""],
    ...signed.split(";").map((name) => `${name}:${headers[name]}`),
    ...["", signed, hash(body)],
  ].join("\n");
  const scope = `${day}/${region}/sts/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hash(canonical)].join("\n");
  const key = [day, region, "sts", "aws4_request"].reduce<Buffer | string>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${awsSecrets[keyId]}`,
  );
  const isRight = createHmac("sha256", key).update(text).digest("hex") === signature;
  return {
    mode: keyId in awsSecrets ? (isRight ? "good" : "bad") : keyId.toLowerCase(),
    ok: () => (body.includes("Action=GetCallerIdentity") ? [200, "<GetCallerIdentityResponse/>"] : [404, ""]),
    refuse: () => [403, "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>"],
  };
}

function meetGoogle({ body }: Call): Meeting {
  const form = new URLSearchParams(body);
  const [header = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
  const {
    iss = "",
    aud,
    exp = 0,
    iat = 0,
  } = JSON.parse(Buffer.from(claims, "base64url").toString()) as {
    iss?: string;
    aud?: string;
    exp?: number;
    iat?: number;
  };
  const signed = Buffer.from(`${header}.${claims}`);
  const isRight =
    verify("sha256", signed, googleKey.publicKey, Buffer.from(signature, "base64url")) &&
    aud === "https://oauth2.googleapis.com/token" &&
    Math.abs(iat - Date.now() / 1000) < 60 &&
    exp - iat <= 3_600 &&
    form.get("grant_type") === "urn:ietf:params:oauth:grant-type:jwt-bearer";
  const [name = ""] = iss.split("@");
  return {
    mode: isRight ? name : "bad",
    ok: () => json(200, { access_token: "t" }),
    refuse: () => json(400, { error: "invalid_grant", error_description: `Invalid JWT Signature. ${body}` }),
  };
}

/** Docker's token flow. A user named `basic…` gets a registry that requires the password itself. */
function meetRegistry({ path, headers }: Call, response: ServerResponse): Meeting | undefined {
  const { authorization = "" } = headers;
  const password = Buffer.from(authorization.replace(/^Basic /, ""), "base64")
    .toString()
    .split(":")
    .slice(1)
    .join(":");
  if (path === "/oci/v2/" && authorization === "") {
    const realm = `http://${headers.host}/oci-token`;
    response.setHeader("www-authenticate", `Bearer realm="${realm}",service="registry.test",scope="x"`);
    send(response, [401, ""]);
    return undefined;
  }
  const asks = new URL(path, "http://localhost").searchParams;
  return {
    mode: password,
    ok: () => (asks.get("service") === "registry.test" && asks.has("account") ? json(200, { token: "t" }) : [404, ""]),
    refuse: () => [401, "incorrect username or password"],
  };
}
