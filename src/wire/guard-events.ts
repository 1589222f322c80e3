// Ends one connection, and not the process, when a listener of its events throws.
import type { EventEmitter } from "node:events";

export interface EventGuard {
  /** Guards a server: each of its events brings the connection, session, stream or request that it concerns. */
  guardServer(server: EventEmitter): void;
  /** Guards everything on one connection: its socket or session, its streams, requests and answers. */
  guardConnection(connection: Endable, ...emitters: EventEmitter[]): void;
  /** Returns a class whose objects are guarded without any work for each of them. `connectionOf` returns the connection of an object. */
  guardClass<Class extends EmitterClass>(
    Base: Class,
    connectionOf: (emitter: InstanceType<Class>) => Endable | null,
  ): Class;
}

// biome-ignore lint/suspicious/noExplicitAny: TypeScript requires exactly this constructor of a class that is extended (TS2545).
type EmitterClass = new (...parameters: any[]) => EventEmitter; // oxlint-disable-line typescript/no-explicit-any

interface Endable {
  destroy(): unknown;
}

/** Calls `report` with every exception. Without the guard Node would end the process. */
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
    guardClass(Base, connectionOfEmitter) {
      return class extends Base {
        override emit(event: string | symbol, ...values: unknown[]): boolean {
          try {
            return super.emit(event, ...values);
          } catch (error) {
            giveUp(connectionOfEmitter(this as InstanceType<typeof Base>) ?? undefined, error);
            return true;
          }
        }
      };
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

/** Returns the connection of an event's argument: the session of an HTTP/2 stream, the socket of a request. */
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
  // A session has a socket too, but only the session may end it.
  if (socket && goaway === undefined) return socket;
  return typeof destroy === "function" ? (value as Endable) : undefined;
}
