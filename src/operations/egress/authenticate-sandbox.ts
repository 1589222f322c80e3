// AuthenticateSandbox: finds the sandbox of a token, with its current bindings.
import { timingSafeEqual } from "node:crypto";
import { readPolicyText } from "../../domain/access/access-policy.ts";
import type { HostPattern } from "../../domain/egress/host-pattern.ts";
import { type EgressBinding, type EgressSandbox, unmatchedDefault } from "../../domain/egress/sandbox.ts";
import { hashToken } from "../../envelope/mac.ts";
import {
  coveredOfBinding,
  coveredOfEgressRule,
  coveredOfSandbox,
  coveredOfSecret,
  coveredOfWorkspace,
  isAuthentic,
} from "../../integrity/row-macs.ts";
import type { Deps } from "../../runtime/deps.ts";
import type { SandboxRecords } from "../../runtime/sandbox-records.ts";
import { parseSandboxToken } from "../../steps/egress/sandbox-token.ts";
import type { BoundSecret, SandboxRecord } from "../../store/sandbox-bindings.ts";

export interface AuthenticateSandboxDeps extends Pick<Deps, "deploymentKeys"> {
  sandboxRecords: SandboxRecords;
}

const unknownHash = new Uint8Array(32);
const checked = new WeakMap<SandboxRecord, EgressSandbox | "TAMPERED">();

/** Returns undefined when the token is not valid or not for this address. The caller cannot tell which. */
export async function authenticateSandbox(
  deps: AuthenticateSandboxDeps,
  tokenText: string,
  address: string,
): Promise<EgressSandbox | undefined> {
  const parsed = parseSandboxToken(tokenText);
  if (!parsed) return undefined;
  const record = await deps.sandboxRecords.get(parsed.lookupId);
  // Unknown ids take the same work as known ones, so that the time does not tell them apart.
  const presented = hashToken(deps.deploymentKeys.tokenPepper, parsed.secret);
  const expected = record?.sandbox.tokenHash ?? unknownHash;
  const matches = presented.byteLength === expected.byteLength && timingSafeEqual(presented, expected);
  if (!record || !matches) return undefined;
  const sandbox = checkedSandbox(deps, record);
  if (!sandbox || (sandbox.sourceAddress !== undefined && sandbox.sourceAddress !== address)) return undefined;
  return sandbox;
}

/** One for each record, because the rights of a sandbox do not change while the record is kept. */
function checkedSandbox(deps: AuthenticateSandboxDeps, record: SandboxRecord): EgressSandbox | undefined {
  const known = checked.get(record) ?? check(deps, record);
  checked.set(record, known);
  return known === "TAMPERED" ? undefined : known;
}

function check({ deploymentKeys }: AuthenticateSandboxDeps, record: SandboxRecord): EgressSandbox | "TAMPERED" {
  const { sandbox, readTime, bound } = record;
  if (!isAuthentic(deploymentKeys, coveredOfSandbox(sandbox), sandbox.mac)) return "TAMPERED";
  const { workspaceId, sandboxId, name, sourceAddress, network, createTime } = sandbox;
  const bindings = bound.map((each) => verifiedBinding(deploymentKeys, each));
  const formerHosts = formerHostsOf(deploymentKeys, record);
  const covered = coveredOfWorkspace({ workspaceId, egressUnmatched: record.unmatched });
  const unmatched = isAuthentic(deploymentKeys, covered, record.workspaceMac) ? record.unmatched : unmatchedDefault;
  return {
    workspaceId,
    sandboxId,
    name,
    sourceAddress,
    network,
    createTime,
    unmatched,
    readTime,
    bindings,
    formerHosts,
  };
}

/** Returns a binding without a rule when the row does not authenticate: its placeholder is then worth nothing. */
function verifiedBinding(keys: Pick<Deps["deploymentKeys"], "rowMacKey">, bound: BoundSecret): EgressBinding {
  const { workspaceId, envKey, secretId, placeholder, boundBy, rule, egressMac, secret } = bound;
  const isUsable =
    bound.isActive &&
    isAuthentic(keys, coveredOfBinding(bound), bound.mac) &&
    isAuthentic(keys, coveredOfSecret(secret), secret.rowMac) &&
    rule !== undefined &&
    egressMac !== undefined &&
    isAuthentic(keys, coveredOfEgressRule({ workspaceId, secretId, rule }), egressMac);
  const facts = { envKey, secretId, placeholder, boundBy, currentVersion: secret.currentVersion };
  if (!isUsable) return { ...facts, rule: undefined, accessPolicy: undefined };
  return { ...facts, rule, accessPolicy: readPolicyText(secret.accessPolicyText) };
}

/** The proxy reads tunnels to these hosts only to answer requests with a placeholder that is worth nothing. */
function formerHostsOf(
  keys: Pick<Deps["deploymentKeys"], "rowMacKey">,
  { sandbox: { workspaceId }, bound, letGo }: SandboxRecord,
): HostPattern[] {
  const former = [...bound.filter(({ isActive }) => !isActive), ...letGo];
  return former.flatMap(({ secretId, rule, egressMac }) => {
    const isSound =
      rule && egressMac && isAuthentic(keys, coveredOfEgressRule({ workspaceId, secretId, rule }), egressMac);
    return isSound ? rule.hosts : [];
  });
}
