// What the proxy works with.
import type { EgressEvent } from "../domain/egress/egress-event.ts";
import type { Refusal } from "../domain/egress/refusal.ts";
import type { JudgedSandbox } from "../domain/egress/sandbox.ts";
import type { RandomBytes } from "../domain/random.ts";
import type { AuthenticateSandboxDeps } from "../operations/egress/authenticate-sandbox.ts";
import type { EgressEventLog } from "../operations/egress/event-log.ts";
import type { EventGuard } from "../wire/guard-events.ts";
import type { Certificates } from "./certificates.ts";
import type { Measured } from "./metrics.ts";
import type { OpenTunnels } from "./open-tunnels.ts";
import type { Upstreams } from "./upstreams.ts";
import type { Usage } from "./usage.ts";
import type { Values } from "./values.ts";

/** All in milliseconds. */
export interface EgressTimeouts {
  /** For the head of a request, also of the first one on a connection. */
  headMs: number;
  /** Until a host is connected. */
  dialMs: number;
  /** Without a byte either way. */
  idleMs: number;
  /** For one request. */
  requestMs: number;
  /** How often whoever holds a connection open is judged again. */
  recheckMs: number;
}

export const egressTimeouts: EgressTimeouts = {
  headMs: 15_000,
  dialMs: 10_000,
  idleMs: 60_000,
  requestMs: 3_600_000,
  recheckMs: 1_000,
};

export interface EgressParts extends AuthenticateSandboxDeps {
  now: () => Date;
  random: RandomBytes;
  /** To which requests may go. */
  ports: ReadonlySet<number>;
  timeouts: EgressTimeouts;
  certificates: Certificates;
  values: Values;
  usage: Usage;
  openTunnels: OpenTunnels;
  upstreams: Upstreams;
  events: EgressEventLog;
  /** Whether a text is one, whoever it was made for. */
  isPlaceholder(text: string): boolean;
  /** Why a request with one that the sandbox does not hold is refused. */
  refusalOfStranger(sandbox: JudgedSandbox, placeholder: string): Promise<Refusal>;
  /** A secret was put into a request. */
  touchUsed(secret: { workspaceId: string; secretId: string }): void;
  /** Counts a request. */
  measure(request: Measured): void;
  /** One line a request. */
  log(record: Omit<EgressEvent, "path" | "eventId" | "requestBytes" | "responseBytes">): void;
  /** Whoever asked from the address has no sandbox's token, or one for another address. */
  onUnknown(address: string): void;
  onUnexpectedError(error: unknown): void;
  /** Reports there too, and ends only the connection whose event it was. */
  guard: EventGuard;
}
