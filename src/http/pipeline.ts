// Answers the requests of one HTTP/1.1 connection one after the other, even if a client sends many at once.
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface Pipeline {
  /** Calls `work` after the previous answer of the connection is sent. */
  inTurn(socket: Socket, response: ServerResponse, work: () => void): void;
}

export function createPipeline(): Pipeline {
  const last = new WeakMap<Socket, ServerResponse>();
  return {
    inTurn(socket, response, work) {
      const before = last.get(socket);
      last.set(socket, response);
      if (!before || before.closed) work();
      // When the connection ends, the current answer is closed, and the later ones do not begin.
      else before.once("close", () => socket.destroyed || work());
    },
  };
}
