// Certificates in the proxy's memory: the workspaces' authorities, and what was minted for hosts, for half of its life.
import { createHash } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import type { RandomBytes } from "../domain/random.ts";
import { type Ca, type LeafKey, leafLifeMs, makeLeafKey, mintLeaf } from "../operations/egress/certificates.ts";

export interface Certificates {
  /** The authority of a workspace, in PEM. */
  authority(workspaceId: string): Promise<string>;
  /** To be the host for sandboxes of the workspace: only for hosts that a secret of theirs may go to. */
  contextFor(workspaceId: string, host: string): Promise<SecureContext>;
}

const caLifeMs = 600_000;
const casMax = 1_000;
const contextsMax = 10_000;

export function createCertificates(
  load: (workspaceId: string) => Promise<Ca>,
  { now, random }: { now: () => Date; random: RandomBytes },
): Certificates {
  const ca = createKept<Ca>(load, caLifeMs, casMax);
  let leafKey: Promise<LeafKey> | undefined;
  const context = createKept<SecureContext>(
    async (name) => {
      const [workspaceId = "", host = ""] = name.split(" ");
      leafKey ??= makeLeafKey();
      const [issuer, key] = await Promise.all([ca(workspaceId), leafKey]);
      const leaf = await mintLeaf(issuer, key, host, now(), random);
      return createSecureContext({
        cert: `${leaf}\n${issuer.certificate}`,
        key: key.privateKey,
        minVersion: "TLSv1.2",
      });
    },
    leafLifeMs / 2,
    contextsMax,
  );
  return {
    authority: async (workspaceId) => (await ca(workspaceId)).certificate,
    async contextFor(workspaceId, host) {
      const { certificate } = await ca(workspaceId);
      // What another authority has signed is not believed any more.
      return context(`${workspaceId} ${host} ${createHash("sha256").update(certificate).digest("hex")}`);
    },
  };
}

/** Loads once for all who ask within the time; failures are not kept. */
function createKept<T>(load: (name: string) => Promise<T>, lifeMs: number, countMax: number) {
  const kept = new Map<string, { until: number; value: Promise<T> }>();
  return (name: string): Promise<T> => {
    const found = kept.get(name);
    if (found && performance.now() < found.until) return found.value;
    const entry = { until: performance.now() + lifeMs, value: load(name) };
    entry.value.catch(() => kept.get(name) === entry && kept.delete(name));
    if (kept.size >= countMax) kept.delete(kept.keys().next().value as string);
    kept.set(name, entry);
    return entry.value;
  };
}
