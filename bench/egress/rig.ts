// The rig for measuring the proxy: a sandbox with a secret, and a host that answers under a name.
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline, Readable } from "node:stream";
import type pg from "pg";
import type { EgressRule } from "../../src/domain/egress/egress-rule.ts";
import { customShape, newPlaceholder } from "../../src/domain/egress/placeholder.ts";
import { newId } from "../../src/domain/ids.ts";
import { loadKeyring } from "../../src/envelope/keyring.ts";
import { coveredOfBinding, coveredOfEgressRule, coveredOfSandbox, macOf } from "../../src/integrity/row-macs.ts";
import { openDeployment } from "../../src/steps/deployment.ts";
import { makeCa, makeLeafKey, mintLeaf } from "../../src/steps/egress/certificates.ts";
import { placeholderMac } from "../../src/steps/egress/placeholders.ts";
import { newSandboxToken } from "../../src/steps/egress/sandbox-token.ts";
import { openDatabase } from "../../src/store/database.ts";
import { insertBinding } from "../../src/store/sandbox-bindings.ts";
import { insertSandbox } from "../../src/store/sandboxes.ts";

export const host = "api.upstream.test";

/** A sandbox with a secret that the seed has made; its token and placeholder. */
export async function seedSandbox(url: string, client: pg.Client, rootKeyFile: string, secretId: string) {
  const database = openDatabase({ connectionString: url, poolSize: 1 });
  const keyring = loadKeyring(rootKeyFile);
  const now = () => new Date();
  const { deploymentKeys } = await openDeployment({ database, keyring, now, random: randomBytes });
  const { rows } = await client.query("select workspace_id from secret where secret_id = $1", [secretId]);
  const workspaceId = String(rows[0].workspace_id);
  const rule: EgressRule = {
    hosts: [host],
    schemes: [{ hosts: [host], scheme: { type: "bearer" } }],
    isPerHost: false,
    limits: { methods: [], pathPrefixes: [] },
  };
  const ruleMac = macOf(deploymentKeys, coveredOfEgressRule({ workspaceId, secretId, rule }));
  const update = "update secret set egress_rule = $1, egress_mac = $2 where secret_id = $3";
  await client.query(update, [JSON.stringify(rule), ruleMac, secretId]);
  const { text: token, lookupId, tokenHash } = newSandboxToken({ deploymentKeys, random: randomBytes });
  const sandboxId = newId("sbx", new Date(), randomBytes);
  const sandbox = {
    workspaceId,
    sandboxId,
    name: "bench",
    lookupId,
    tokenHash,
    sourceAddress: undefined,
    network: undefined,
  };
  const placeholder = newPlaceholder(customShape, randomBytes, placeholderMac(deploymentKeys));
  const binding = { workspaceId, sandboxId, envKey: "KEY", secretId, placeholder };
  await database.transaction(async (tx) => {
    await insertSandbox(tx, { ...sandbox, mac: macOf(deploymentKeys, coveredOfSandbox(sandbox)) });
    await insertBinding(tx, { ...binding, mac: macOf(deploymentKeys, coveredOfBinding(binding)) });
  });
  await database.close();
  return { token, placeholder };
}

/** So many bytes, a part at a time. */
export function* chunksOf(count: number): Generator<Buffer> {
  const chunk = Buffer.alloc(65_536, "z");
  for (let left = count; left > 0; left -= chunk.byteLength) yield chunk.subarray(0, left);
}

/**
 * A host under TLS that answers every request with a kibibyte, or with the bytes that the path `/bytes/<count>` asks for, once it has
 * read all of its body; and a name server that knows it.
 */
export async function startHost(dir: string) {
  const { ca } = await makeCa("bench", new Date(), randomBytes);
  const caFile = join(dir, "upstream-ca.pem");
  writeFileSync(caFile, ca.certificate);
  const leafKey = await makeLeafKey();
  const cert = await mintLeaf(ca, leafKey, host, new Date(), randomBytes);
  const body = Buffer.alloc(1_024, "y");
  const server = createServer({ cert, key: leafKey.privateKey }, (request, response) => {
    request.resume();
    request.on("end", () => {
      const count = Number(/^\/bytes\/(\d+)$/.exec(request.url ?? "")?.[1] ?? 0);
      if (count === 0) response.end(body);
      else pipeline(Readable.from(chunksOf(count)), response, () => {});
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const dns = createSocket("udp4", (question, from) => {
    const end = question.indexOf(0, 12) + 5;
    const isA = question.readUInt16BE(end - 4) === 1;
    const header = Buffer.from([...question.subarray(0, 2), 0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0]);
    const answer = isA ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1] : [];
    dns.send(Buffer.concat([header, question.subarray(12, end), Buffer.from(answer)]), from.port, from.address);
  });
  dns.bind(0, "127.0.0.1");
  await once(dns, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    ca: ca.certificate,
    env: {
      COFFER_EGRESS_PORT: "0",
      COFFER_EGRESS_SANDBOX_RPM: "10000000",
      COFFER_EGRESS_PORTS: String(port),
      COFFER_EGRESS_ALLOW_PRIVATE: "127.0.0.1",
      COFFER_EGRESS_CA_FILE: caFile,
      COFFER_EGRESS_DNS: `127.0.0.1:${(dns.address() as AddressInfo).port}`,
    },
    close() {
      server.closeAllConnections();
      server.close();
      dns.close();
    },
  };
}
