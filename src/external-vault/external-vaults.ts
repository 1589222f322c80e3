// Calls external vaults within time limits, their quotas, and a limit on concurrent calls.
import type { BlockList } from "node:net";
import type { VaultType } from "../domain/external-vault/vault-connection.ts";
import { type Resolve, systemResolve } from "../net-guard/guard.ts";
import { type OutboundAnswer, type OutboundRequest, requestOutside } from "../net-guard/request.ts";
import { doppler } from "./doppler.ts";
import { failureOf, VaultError, type VaultFailure, vaultErrorOf } from "./failure.ts";
import { createInfisical } from "./infisical.ts";
import { onePassword } from "./onepassword.ts";
import { createQuotaShield } from "./quota-shield.ts";
import { createSharedResolutions } from "./shared-resolutions.ts";
import type { ExternalVault, OpenConnection, Resolution, VaultContext } from "./vault.ts";

export interface VaultSettings {
  /** Non-public addresses that may be called, also without TLS. */
  allowed: BlockList;
}

export interface ExternalVaults {
  /** Whether any address may be called without TLS. */
  isHttpAllowed: boolean;
  /** Asks the vault whether it accepts the credentials. Returns undefined if it does. */
  check(connection: OpenConnection): Promise<VaultFailure | undefined>;
  /** Returns the value of each reference, or why there is none. */
  resolve(connection: OpenConnection, references: readonly string[]): Promise<ReadonlyMap<string, Resolution>>;
}

const timeoutMs = 5_000;
const attemptMs = 3_000;
const answerBytesMax = 1_048_576;
const atOnceMax = 64;

export function createExternalVaults(
  { allowed }: VaultSettings,
  clock: { now: () => Date; nowMs: () => number },
  /** How host names are resolved. */
  resolveName: Resolve = systemResolve,
): ExternalVaults {
  const adapters: Readonly<Record<VaultType, ExternalVault>> = {
    ONEPASSWORD: onePassword,
    DOPPLER: doppler,
    INFISICAL: createInfisical(),
  };
  const shield = createQuotaShield(clock.nowMs);
  const shared = createSharedResolutions(clock.nowMs);
  const guard = { resolve: resolveName, allowed };
  let underWay = 0;

  async function send(request: OutboundRequest, signal: AbortSignal, connection: string): Promise<OutboundAnswer> {
    if (underWay >= atOnceMax) throw new VaultError(failureOf("rate_limited", 1_000));
    shield.spend(connection, 1);
    underWay++;
    try {
      // Unencrypted requests go only to configured addresses.
      const isPublicRefused = request.url.protocol !== "https:";
      const limits = { signal, attemptMs, answerBytesMax };
      const answer = await requestOutside({ ...guard, isPublicRefused }, request, limits);
      if (answer.status !== 429) {
        shield.answered(connection);
        return answer;
      }
      const waitMs = shield.refused(connection, retryAfterMs(answer.headers["retry-after"], clock.now()));
      throw new VaultError(failureOf("rate_limited", waitMs));
    } catch (error) {
      throw vaultErrorOf(error);
    } finally {
      underWay--;
    }
  }

  function contextFor(connection: string): VaultContext {
    const signal = AbortSignal.timeout(timeoutMs);
    return {
      send: (request) => send(request, signal, connection),
      spend: (calls) => shield.spend(connection, calls),
      signal,
      nowMs: clock.nowMs,
    };
  }

  return {
    isHttpAllowed: allowed.rules.length > 0,
    async check(connection) {
      try {
        await adapters[connection.vaultType].check(connection, contextFor(nameOf(connection)));
        return undefined;
      } catch (error) {
        return vaultErrorOf(error).failure;
      }
    },
    resolve: (connection, references) =>
      shared.resolve(`${nameOf(connection)} ${connection.revision}`, references, async (unknown) => {
        try {
          return await adapters[connection.vaultType].resolve(connection, unknown, contextFor(nameOf(connection)));
        } catch (error) {
          const { failure } = vaultErrorOf(error);
          return new Map(unknown.map((reference) => [reference, failure]));
        }
      }),
  };
}

function nameOf({ workspaceId, vaultConnectionId }: OpenConnection): string {
  return `${workspaceId} ${vaultConnectionId}`;
}

/** Reads Retry-After (RFC 9110, 10.2.3). Returns milliseconds from `now`; undefined when the header is missing or not valid. */
function retryAfterMs(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(header)) return Number(header) * 1_000;
  const time = Date.parse(header);
  return Number.isNaN(time) ? undefined : Math.max(0, time - now.getTime());
}
