// Validates credentials at their services, within a time limit and a limit on concurrent requests.
import type { BlockList } from "node:net";
import type { ValidationName } from "../domain/credential/kind.ts";
import { validationOf } from "../domain/credential/kinds.ts";
import { CofferError } from "../domain/error/errors.ts";
import { OutboundError, type OutboundFailure } from "../net-guard/errors.ts";
import { type Resolve, systemResolve } from "../net-guard/guard.ts";
import { requestOutside } from "../net-guard/request.ts";
import { probeAws } from "./aws.ts";
import { probeAzure } from "./azure.ts";
import { probeAzureBlob } from "./azure-blob.ts";
import { probeB2 } from "./b2.ts";
import { probeCloudflare } from "./cloudflare.ts";
import type { ProbedService, ProbeUrls } from "./endpoints.ts";
import { probeGcp, probeGcs } from "./gcp.ts";
import { probeHcloud } from "./hcloud.ts";
import { probeOciRegistry } from "./oci-registry.ts";
import { type CredentialParts, type Probe, unanswered, untriable, type Verdict } from "./probe.ts";
import { probeS3 } from "./s3.ts";

export interface ProbeSettings {
  isOn: boolean;
  urls: ProbeUrls;
  /** Non-public addresses that may be called. */
  allowed: BlockList;
  /** The age at which a result is validated again. */
  revalidateAfterMs: number;
}

export interface Prober {
  isOn: boolean;
  revalidateAfterMs: number;
  /** Returns why this deployment cannot validate credentials of this kind; undefined when it can. */
  obstacleTo(kind: string): string | undefined;
  /** Fails with RATE_LIMITED when too many are running, and with the signal's reason when it aborts. */
  probe(kind: string, parts: CredentialParts, signal?: AbortSignal): Promise<Verdict>;
}

const timeoutMs = 5_000;
const attemptMs = 3_000;
const answerBytesMax = 65_536;
const atOnceMax = 32;

const probes: Readonly<Record<ValidationName, { service: ProbedService | "ITS_TYPE"; probe: Probe }>> = {
  hcloud: { service: "hcloud", probe: probeHcloud },
  aws: { service: "aws", probe: probeAws },
  gcp: { service: "gcp", probe: probeGcp },
  azure: { service: "azure", probe: probeAzure },
  oci_registry: { service: "ociRegistry", probe: probeOciRegistry },
  cloudflare: { service: "cloudflare", probe: probeCloudflare },
  // Each type of storage has its own setting.
  s3: { service: "ITS_TYPE", probe: probeS3 },
  azure_blob: { service: "azureBlob", probe: probeAzureBlob },
  gcs: { service: "gcp", probe: probeGcs },
  b2: { service: "b2", probe: probeB2 },
};

const obstacles: Readonly<Record<Exclude<OutboundFailure, "ABORTED">, string>> = {
  ADDRESS_REFUSED: "the service's address is not a public one, and no setting allows it",
  NAME_UNRESOLVED: "the service's name has no address",
  UNREACHABLE: "the service cannot be reached",
  TIMED_OUT: "the service did not answer in time",
  ANSWER_TOO_LARGE: "the service's answer is too large",
};

export function createProber(
  settings: ProbeSettings,
  now: () => Date,
  /** How host names are resolved. */
  resolve: Resolve = systemResolve,
): Prober {
  const guard = { resolve, allowed: settings.allowed };
  let underWay = 0;

  async function probe(kind: string, parts: CredentialParts, stop: AbortSignal): Promise<Verdict> {
    const target = targetOf(kind, settings.urls);
    if (!target) return untriable("credentials of this kind are not tried here");
    const { baseUrl } = target;
    const limits = { signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), stop]), attemptMs, answerBytesMax };
    try {
      return await target.probe({ baseUrl, now, send: (request) => requestOutside(guard, request, limits) }, parts);
    } catch (error) {
      stop.throwIfAborted();
      if (!(error instanceof OutboundError) || error.failure === "ABORTED") throw error;
      return unanswered(obstacles[error.failure]);
    }
  }

  return {
    isOn: settings.isOn,
    revalidateAfterMs: settings.revalidateAfterMs,
    obstacleTo(kind) {
      return targetOf(kind, settings.urls) ? undefined : "no such service is configured here";
    },
    async probe(kind, parts, signal = new AbortController().signal) {
      if (underWay >= atOnceMax) throw tooMany();
      underWay++;
      try {
        return await probe(kind, parts, signal);
      } finally {
        underWay--;
      }
    },
  };
}

/** Returns the probe and the address for a kind; undefined when there is none. */
function targetOf(kind: string, urls: ProbeUrls): { probe: Probe; baseUrl: string } | undefined {
  const validation = validationOf(kind);
  if (validation === undefined) return undefined;
  const { service, probe } = probes[validation];
  const baseUrl = urls[service === "ITS_TYPE" ? (kind.replace("storage/", "") as ProbedService) : service];
  return baseUrl === undefined ? undefined : { probe, baseUrl };
}

function tooMany(): CofferError {
  const message = "too many credentials are being tried at this moment";
  return new CofferError("RATE_LIMITED", message, { subject: "validation" }, { retryDelayMs: 1_000 });
}
