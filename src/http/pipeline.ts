// Answers the requests of one HTTP/1.1 connection one after the other, however many a client sends at once.
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface Pipeline {
  /** Does the work when the answer before it on the connection is sent. */
  inTurn(socket: Socket, response: ServerResponse, work: () => void): void;
}

export function createPipeline(): Pipeline {
  const last = new WeakMap<Socket, ServerResponse>();
  return {
    inTurn(socket, response, work) {
      const before = last.get(socket);
      last.set(socket, response);
      if (!before || before.closed) work();
      // A connection that ends closes the answer that is being sent; the others never get their turn.
      else before.once("close", () => socket.destroyed || work());
    },
  };
}
