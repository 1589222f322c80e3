// Keeps connections to hosts alive for the next request of the same sandbox. Sandboxes never share a connection.
import { Agent, type AgentOptions } from "node:http";
import type { Duplex } from "node:stream";
import type { SecureContext } from "node:tls";
import { BoundedMap } from "../domain/bounded-map.ts";
import type { Destination } from "../domain/egress/framing.ts";
import { dial } from "../net-guard/dial.ts";
import { OutboundError } from "../net-guard/errors.ts";
import type { NetGuard } from "../net-guard/guard.ts";

export interface Upstreams {
  agentOf(sandboxId: string): Agent;
  /** Opens a connection that is not shared. `plain`: without TLS, for a tunnel. */
  connect(destination: Destination, options?: { plain: boolean }): Promise<Duplex>;
  close(): void;
}

const keptIdleMs = 15_000;
const agentsMax = 10_000;
const agentOptions: AgentOptions = { keepAlive: true, maxFreeSockets: 32, scheduling: "lifo", timeout: keptIdleMs };

/** Returns the error code for a host that could not be connected or did not answer. */
export function failureCode(error: unknown): "host_denied" | "upstream_timeout" | "upstream_unreachable" {
  const failure = error instanceof OutboundError ? error.failure : undefined;
  if (failure === "ADDRESS_REFUSED") return "host_denied";
  const isLate = failure === "TIMED_OUT" || (error instanceof Error && error.name === "TimeoutError");
  return isLate ? "upstream_timeout" : "upstream_unreachable";
}

export function createUpstreams(guard: NetGuard, roots: SecureContext, dialMs: number): Upstreams {
  const agents = new BoundedMap<string, Agent>(agentsMax, (_sandboxId, agent) => closeIdle(agent));

  const connect: Upstreams["connect"] = async ({ host, port }, { plain } = { plain: false }) => {
    const socket = await dial(guard, new URL(`${plain ? "http" : "https"}://${host}:${port}/`), {
      signal: AbortSignal.timeout(dialMs),
      // If the first address does not answer, half of the time is left for the next.
      attemptMs: dialMs / 2,
      secureContext: roots,
    });
    // Without a listener a reset by the host would end the process.
    socket.on("error", () => socket.destroy());
    return socket;
  };

  function makeAgent(): Agent {
    const agent = new Agent(agentOptions);
    agent.createConnection = (options, connected) => {
      const { host = "", port = 443 } = options as { host?: string; port?: number };
      connect({ host, port }).then(
        (socket) => connected?.(null, socket),
        (error: Error) => connected?.(error, undefined as never),
      );
      return undefined;
    };
    return agent;
  }

  return {
    connect,
    agentOf(sandboxId) {
      const found = agents.get(sandboxId) ?? makeAgent();
      agents.set(sandboxId, found);
      return found;
    },
    close() {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}

/** Connections in use end with their requests. */
function closeIdle(agent: Agent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
