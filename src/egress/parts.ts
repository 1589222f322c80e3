// The parts of the proxy. Each file of the proxy declares the parts that it uses.
import type { ForwardParts } from "./http-request.ts";
import type { TunnelParts } from "./tunnel.ts";

export interface EgressParts extends ForwardParts, TunnelParts {
  /** Whether the database accepts events. */
  isReady(): Promise<boolean>;
}
