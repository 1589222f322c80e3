// Keeps certificates in the proxy's memory: the workspaces' authorities, and those for hosts for half of their life.

import { hash } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import type { RandomPort, TimePort } from "../ports.ts";
import { createLoadingCache } from "../runtime/loading-cache.ts";
import { type Ca, type LeafKey, leafLifeMs, makeLeafKey, mintLeaf } from "../steps/egress/certificates.ts";

export interface Certificates {
  /** The authority of a workspace, in PEM. */
  authority(workspaceId: string): Promise<string>;
  /** Returns the TLS context by which the proxy answers for the host. Only for hosts that a bound secret may go to. */
  contextFor(workspaceId: string, host: string): Promise<SecureContext>;
}

const casMax = 1_000;
/** Each takes about 60 KB. */
const contextsMax = 2_000;

export function createCertificates(
  load: (workspaceId: string) => Promise<Ca>,
  { now, random, caLifeMs = 60_000 }: TimePort & RandomPort & { caLifeMs?: number },
): Certificates {
  let leafKey: Promise<LeafKey> | undefined;
  const contexts = createLoadingCache<SecureContext>({ lifeMs: leafLifeMs / 2, sizeMax: contextsMax });
  const cas = createLoadingCache<Ca>({ lifeMs: caLifeMs, sizeMax: casMax });
  const ca = (workspaceId: string) => cas.get(workspaceId, () => load(workspaceId));

  async function makeContext(issuer: Ca, host: string): Promise<SecureContext> {
    leafKey ??= makeLeafKey();
    const key = await leafKey;
    const leaf = await mintLeaf(issuer, key, host, now(), random);
    return createSecureContext({
      cert: `${leaf}\n${issuer.certificate}`,
      key: key.privateKey,
      minVersion: "TLSv1.2",
    });
  }

  return {
    authority: async (workspaceId) => (await ca(workspaceId)).certificate,
    async contextFor(workspaceId, host) {
      const issuer = await ca(workspaceId);
      // When the authority of the workspace is replaced, certificates of the former one are of no use.
      const name = `${workspaceId} ${hash("sha256", issuer.certificate)} ${host}`;
      return contexts.get(name, () => makeContext(issuer, host));
    },
  };
}
