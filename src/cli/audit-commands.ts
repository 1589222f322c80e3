// coffer audit verify, head.
import { readFileSync } from "node:fs";
import { StartupError, toStartupError } from "../domain/error/startup-error.ts";
import { coveredOfAuditCut, isAuthentic } from "../integrity/row-macs.ts";
import { type AuditHead, verifyTrail } from "../operations/audit/verify.ts";
import { findAuditCut } from "../store/audit-cut.ts";
import { findHead, listAuditedWorkspaces } from "../store/audit-seals.ts";
import type { CommandDeps } from "./deployment.ts";
import type { Options } from "./options.ts";
import type { Shown } from "./print.ts";

/** Returns the end of each workspace's chain. Stored on another machine, it shows later whether the trail was rolled back. */
export async function showAuditHeads({ database }: CommandDeps): Promise<Shown> {
  const heads: AuditHead[] = [];
  for (const workspaceId of await listAuditedWorkspaces(database)) {
    const head = await findHead(database, workspaceId);
    if (!head) continue;
    const { sealNumber, eventCount, chain } = head.seal;
    heads.push({ workspaceId, sealNumber, eventCount, chain: Buffer.from(chain).toString("hex") });
  }
  const rows = heads.map(({ workspaceId, sealNumber, eventCount, chain }) => ({
    WORKSPACE: workspaceId || "none",
    SEAL: String(sealNumber),
    EVENTS: String(eventCount),
    CHAIN: chain,
  }));
  return { json: { heads }, rows };
}

/** Fails with a StartupError that lists all problems. */
export async function verifyAudit(deps: CommandDeps, { head }: Options): Promise<Shown> {
  const known = head === undefined ? [] : readHeads(head);
  const cut = await findAuditCut(deps.database);
  if (cut && !isAuthentic(deps.deploymentKeys, coveredOfAuditCut(cut), cut.mac)) {
    throw new StartupError("the row in audit_cut, up to which retention dropped events, was changed");
  }
  const audited = await listAuditedWorkspaces(deps.database);
  const workspaceIds = [...new Set([...audited, ...known.map(({ workspaceId }) => workspaceId)])];
  const trails = [];
  for (const workspaceId of workspaceIds) {
    const own = known.filter((each) => each.workspaceId === workspaceId);
    trails.push(await verifyTrail(deps, workspaceId, { cut: cut?.beforeTime, known: own }));
  }
  const problems = trails.flatMap(({ workspaceId, problems: own }) =>
    own.map((problem) => `workspace ${workspaceId || "none"}: ${problem}`),
  );
  const [first, ...others] = problems;
  if (first !== undefined) {
    const more = others.length === 0 ? "" : ` (${others.length} more: ${others.join("; ")})`;
    throw new StartupError(`the audit trail was changed: ${first}${more}`);
  }
  const rows = trails.map((trail) => ({
    WORKSPACE: trail.workspaceId || "none",
    SEALS: String(trail.seals),
    VERIFIED: String(trail.verified),
    DROPPED: String(trail.dropped),
    UNSEALED: String(trail.unsealed),
  }));
  return { json: { verified: true, trails }, rows };
}

/** Reads an output of `coffer audit head --json`. */
function readHeads(path: string): AuditHead[] {
  const heads = headsOf(readText(path));
  if (Array.isArray(heads) && heads.every(isHead)) return heads;
  throw new StartupError(`${path} is not an output of \`coffer audit head --json\``);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw toStartupError(`cannot read ${path}`, error);
  }
}

/** Undefined for a text without heads. The error of JSON.parse quotes the text, which may be a secret file given by mistake. */
function headsOf(text: string): unknown {
  try {
    return (JSON.parse(text) as { heads?: unknown } | null)?.heads;
  } catch {
    return undefined;
  }
}

function isHead(value: unknown): value is AuditHead {
  const { workspaceId, sealNumber, eventCount, chain } = (value ?? {}) as Partial<Record<keyof AuditHead, unknown>>;
  return (
    typeof workspaceId === "string" &&
    Number.isSafeInteger(sealNumber) &&
    Number.isSafeInteger(eventCount) &&
    typeof chain === "string"
  );
}
