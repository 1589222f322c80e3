// Asks the client of an HTTP/2 session for a new connection, such that no request of it is lost on the way (RFC 9113, section 6.8).
import type { Http2Session, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** GOAWAY without an error, for which every stream is still served: its last stream is the largest that there can be. */
const notice = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);

/** For a client that does not answer a ping. */
const pingMs = 500;

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
      // Meanwhile no answer is sent. A client that gets one together with GOAWAY may have queued its next request, which Node's then
      // refuses. After the first ping it has read all answers, after the second it has sent what it asked next.
      await pinged(session);
      await pinged(session);
      if (!session.destroyed && !session.closed) {
        // Node's own goaway() takes no new streams any more. Under TLS a write past the session would end the process.
        if (plainSocket) plainSocket.write(notice);
        else session.close();
      }
      await pinged(session);
      quiet.delete(session);
      resolve();
    },
  };
}

/** Resolves when the client has answered a ping, or does not in time. */
async function pinged(session: ServerHttp2Session): Promise<void> {
  if (session.destroyed || session.closed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  if (!session.ping(() => resolve())) return;
  await Promise.race([promise, sleep(pingMs, undefined, { ref: false })]);
}
