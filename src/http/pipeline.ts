// Answers the requests of one HTTP/1.1 connection one after the other, however many a client sends at once.
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface Pipeline {
  /** Does the work after the previous answer of the connection is sent. */
  inTurn(socket: Socket, response: ServerResponse, work: () => void): void;
}

export function createPipeline(): Pipeline {
  const last = new WeakMap<Socket, ServerResponse>();
  return {
    inTurn(socket, response, work) {
      const before = last.get(socket);
      last.set(socket, response);
      if (!before || before.closed) work();
      // When the connection ends, the answer that is being sent is closed; the others are never begun.
      else before.once("close", () => socket.destroyed || work());
    },
  };
}
