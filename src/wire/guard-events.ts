// Ends one connection, and not the process, when a listener of its events throws.
import type { EventEmitter } from "node:events";

export interface EventGuard {
  /** For a server: each of its events brings the connection, session, stream or request that it is about. */
  guardServer(server: EventEmitter): void;
  /** For whatever happens on one connection: its socket or session, its streams, requests and answers. */
  guardConnection(connection: Endable, ...emitters: EventEmitter[]): void;
}

interface Endable {
  destroy(): unknown;
}

/** `report` is told of every exception; Node would end the process with it. */
export function createEventGuard(report: (error: unknown) => void): EventGuard {
  const giveUp = (connection: Endable | undefined, error: unknown) => {
    report(error);
    connection?.destroy();
  };
  return {
    guardServer(server) {
      catchThrown(server, (error, values) => giveUp(values.map(connectionOf).find(Boolean), error));
    },
    guardConnection(connection, ...emitters) {
      for (const emitter of emitters) catchThrown(emitter, (error) => giveUp(connection, error));
    },
  };
}

function catchThrown(emitter: EventEmitter, onThrown: (error: unknown, values: readonly unknown[]) => void): void {
  const { emit } = emitter;
  emitter.emit = (event: string | symbol, ...values: unknown[]) => {
    try {
      return emit.call(emitter, event, ...values);
    } catch (error) {
      onThrown(error, values);
      return true;
    }
  };
}

/** The connection behind what a server's event brings: of an HTTP/2 stream its session, of a request its socket. */
function connectionOf(value: unknown): Endable | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { stream, session, socket, goaway, destroy } = value as {
    stream?: object;
    session?: Endable;
    socket?: Endable;
    goaway?: unknown;
    destroy?: unknown;
  };
  if (stream) return connectionOf(stream);
  if (session) return session;
  // A session has a socket too, which nobody but the session may end.
  if (socket && goaway === undefined) return socket;
  return typeof destroy === "function" ? (value as Endable) : undefined;
}
