// TLS on the one port: ALPN decides between HTTP/1.1 and HTTP/2, and plain text gets nowhere.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import { useCoffer } from "../support/coffer.ts";
import { expectError } from "../support/errors.ts";
import { byId, data, newName, present, textOf } from "../support/secrets.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../http/fixtures/${name}`, import.meta.url));
const ca = readFileSync(fixture("localhost.cert.pem"), "utf8");
const coffer = useCoffer({
  env: {
    COFFER_TLS_CERT_FILE: fixture("localhost.cert.pem"),
    COFFER_TLS_KEY_FILE: fixture("localhost.key.pem"),
  },
});

const port = () => Number(new URL(coffer.url).port);

function transports() {
  const authorize: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${coffer.ownerToken}`);
    return next(request);
  };
  const options = { baseUrl: `https://localhost:${port()}`, nodeOptions: { ca }, interceptors: [authorize] };
  return [
    createConnectTransport({ ...options, httpVersion: "1.1" }),
    createConnectTransport({ ...options, httpVersion: "2" }),
    createGrpcTransport(options),
    createGrpcWebTransport({ ...options, httpVersion: "1.1" }),
  ];
}

describe("TLS", () => {
  it("carries Connect over both versions of HTTP, gRPC and gRPC-Web", async () => {
    expect(coffer.url).toMatch(/^https:/);
    for (const transport of transports()) {
      const secrets = createClient(SecretService, transport);
      const { secret } = await secrets.createSecret({ name: newName(), value: data("over TLS") });
      expect(textOf(await secrets.getSecretValue(byId(present(secret).id)))).toBe("over TLS");
      await expectError(secrets.getSecret(byId("sec_none")), { reason: "SECRET_NOT_FOUND" });
    }
  });

  it.each([
    [["h2", "http/1.1"], "h2"],
    [["http/1.1"], "http/1.1"],
    [["h2"], "h2"],
  ])("agrees by ALPN: of %j on %s", async (offered, chosen) => {
    const socket = connectTls({ host: "localhost", port: port(), ca, ALPNProtocols: offered });
    await once(socket, "secureConnect");
    expect(socket.alpnProtocol).toBe(chosen);
    expect(["TLSv1.2", "TLSv1.3"]).toContain(socket.getProtocol());
    socket.destroy();
  });

  it("answers nothing to plain text", async () => {
    const socket = connectPlain(port(), "localhost");
    socket.on("error", () => {});
    let received = "";
    socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
    socket.write(`GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await once(socket, "close");
    expect(received).not.toContain("HTTP/");
  });
});
