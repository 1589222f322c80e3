// Workspaces and sandboxes share the proxy's memory fairly: a busy one does not harm another.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { get } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, BlockList } from "node:net";
import { connect, createSecureContext, createServer as createTlsServer } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { createCertificates } from "../../src/egress/certificates.ts";
import { createUpstreams } from "../../src/egress/upstreams.ts";
import { type Ca, makeCa, makeLeafKey, mintLeaf } from "../../src/steps/egress/certificates.ts";

const host = "api.upstream.test";
const newCa = async (name: string): Promise<Ca> => (await makeCa(name, new Date(), randomBytes)).ca;

test("an answer that is on its way stays, however many other sandboxes come", async () => {
  const ca = await newCa("upstream");
  const key = await makeLeafKey();
  const cert = await mintLeaf(ca, key, host, new Date(), randomBytes);
  const server = createServer({ cert, key: key.privateKey }, (_, response) => {
    response.write("begun, ");
    setTimeout(() => response.end("whole"), 300);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const allowed = new BlockList();
  allowed.addAddress("127.0.0.1");
  const guard = { resolve: async () => ["127.0.0.1"], allowed };
  const upstreams = createUpstreams(guard, createSecureContext({ ca: ca.certificate }), 5_000);
  onTestFinished(upstreams.close);
  const { port } = server.address() as AddressInfo;
  const [response] = await once(get({ agent: upstreams.agentOf("one"), host, port }), "response");
  for (let i = 0; i < 10_000; i++) upstreams.agentOf(`other ${i}`);
  let body = "";
  for await (const chunk of response as AsyncIterable<Buffer>) body += chunk.toString();
  expect(body).toBe("begun, whole");
});

test("when a workspace has another authority, its hosts are certified by that one", async () => {
  const [first, second] = [await newCa("first"), await newCa("second")];
  const cas = [first, second];
  const certificates = createCertificates(async () => cas.shift() ?? second, {
    now: () => new Date(),
    random: randomBytes,
    caLifeMs: 0,
  });
  for (const ca of [first, second]) {
    const secureContext = await certificates.contextFor("one", host);
    const server = createTlsServer({ SNICallback: (_, done) => done(null, secureContext) });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const socket = connect({ port, host: "127.0.0.1", servername: host, ca: ca.certificate });
    await once(socket, "secureConnect");
    expect(socket.authorized).toBe(true);
    socket.destroy();
    server.close();
  }
});
