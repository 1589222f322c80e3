// Asks the client of an HTTP/2 session for a new connection, such that no request of it is lost on the way (RFC 9113, section 6.8).
import type { Http2Session, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** GOAWAY without an error, for which every stream is still served: its last stream is the largest that there can be. */
const notice = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);

/**
 * Before and after the frame nothing else is sent for so long. A client that gets an answer together with it may have made its next
 * request already, and not sent it: Node's then refuses it.
 */
const quietMs = 10;

export interface LeavingSessions {
  /** `plainSocket` where the session has no TLS. */
  ask(session: ServerHttp2Session, plainSocket: Socket | undefined): Promise<void>;
  /** What the answer of a stream waits for; undefined when it need not. */
  quiet(stream: ServerHttp2Stream): Promise<void> | undefined;
}

export function createLeavingSessions(): LeavingSessions {
  const quiet = new Map<Http2Session, Promise<void>>();
  return {
    quiet: ({ session }) => session && quiet.get(session),
    async ask(session, plainSocket) {
      const { promise, resolve } = Promise.withResolvers<void>();
      quiet.set(session, promise);
      await sleep(quietMs);
      if (!session.destroyed && !session.closed) {
        // Node's own goaway() takes no new streams any more. Under TLS a write past the session would end the process.
        if (plainSocket) plainSocket.write(notice);
        else session.close();
      }
      await sleep(quietMs);
      quiet.delete(session);
      resolve();
    },
  };
}
