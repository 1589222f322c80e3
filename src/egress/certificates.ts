// Certificates in the proxy's memory: the workspaces' authorities, and what was minted for hosts, for half of its life.
import { hash } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import type { RandomBytes } from "../domain/random.ts";
import { type Ca, type LeafKey, leafLifeMs, makeLeafKey, mintLeaf } from "../steps/egress/certificates.ts";

export interface Certificates {
  /** The authority of a workspace, in PEM. */
  authority(workspaceId: string): Promise<string>;
  /** To be the host for sandboxes of the workspace: only for hosts that a secret of theirs may go to. */
  contextFor(workspaceId: string, host: string): Promise<SecureContext>;
}

const casMax = 1_000;
/** Of 60 KB each. */
const contextsMax = 2_000;

export function createCertificates(
  load: (workspaceId: string) => Promise<Ca>,
  { now, random, caLifeMs = 60_000 }: { now: () => Date; random: RandomBytes; caLifeMs?: number },
): Certificates {
  let leafKey: Promise<LeafKey> | undefined;
  const contexts = createKept<SecureContext>(leafLifeMs / 2, contextsMax);
  const cas = createKept<Ca>(caLifeMs, casMax);
  const ca = (workspaceId: string) => cas(workspaceId, () => load(workspaceId));

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
      // Of another authority none is of use, when that of the workspace is replaced.
      const name = `${workspaceId} ${hash("sha256", issuer.certificate)} ${host}`;
      return contexts(name, () => makeContext(issuer, host));
    },
  };
}

/** Loads once for all who ask within the time, and lets go of what was not asked for the longest; failures are not kept. */
function createKept<T>(lifeMs: number, countMax: number) {
  const kept = new Map<string, { until: number; value: Promise<T> }>();
  return (name: string, load: () => Promise<T>): Promise<T> => {
    const found = kept.get(name);
    kept.delete(name);
    if (found && performance.now() < found.until) {
      kept.set(name, found);
      return found.value;
    }
    const entry = { until: performance.now() + lifeMs, value: load() };
    entry.value.catch(() => kept.get(name) === entry && kept.delete(name));
    if (kept.size >= countMax) kept.delete(kept.keys().next().value as string);
    kept.set(name, entry);
    return entry.value;
  };
}
