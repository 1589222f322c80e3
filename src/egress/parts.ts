// What the proxy works with.
import type { Refusal } from "../domain/egress/refusal.ts";
import type { JudgedSandbox } from "../domain/egress/sandbox.ts";
import type { EgressTimeouts } from "../domain/egress/timeouts.ts";
import type { FailureLimits } from "../domain/failure-limit.ts";
import type { RandomBytes } from "../domain/random.ts";
import type { AuthenticateSandboxDeps } from "../operations/egress/authenticate-sandbox.ts";
import type { EgressEventLog } from "../runtime/egress-event-log.ts";
import type { EventGuard } from "../wire/guard-events.ts";
import type { Certificates } from "./certificates.ts";
import type { Measured } from "./metrics.ts";
import type { OpenTunnels } from "./open-tunnels.ts";
import type { EgressLine } from "./record.ts";
import type { Upstreams } from "./upstreams.ts";
import type { Usage } from "./usage.ts";
import type { Values } from "./values.ts";

export interface EgressParts extends AuthenticateSandboxDeps {
  now: () => Date;
  random: RandomBytes;
  /** To which requests may go. */
  ports: ReadonlySet<number>;
  timeouts: EgressTimeouts;
  certificates: Certificates;
  values: Values;
  /** Limits of a sandbox with a secret. */
  usage: Usage;
  /** Limit of all requests of a sandbox. */
  sandboxUsage: Usage;
  /** Limits of addresses whose clients present no valid token. */
  failureLimits: FailureLimits;
  openTunnels: OpenTunnels;
  upstreams: Upstreams;
  events: EgressEventLog;
  /** Whether events can be written. */
  isReady(): Promise<boolean>;
  /** Whether a text is one, whoever it was made for. */
  isPlaceholder(text: string): boolean;
  /** Why a request with one that the sandbox does not hold is refused. */
  refusalOfStranger(sandbox: JudgedSandbox, placeholder: string): Promise<Refusal>;
  /** A secret was put into a request. */
  touchUsed(secret: { workspaceId: string; secretId: string }): void;
  /** Counts a request. */
  measure(request: Measured): void;
  /** One line a request. */
  log(line: EgressLine): void;
  /** A client at this address presented no sandbox's token, or one for another address. */
  onUnknown(address: string): void;
  onUnexpectedError(error: unknown): void;
  /** Reports there too, and ends only the connection whose event it was. */
  guard: EventGuard;
}
