// Tells the client of an HTTP/2 session to open a new connection, without losing a request on the way (RFC 9113, section 6.8).
import type { Http2Session, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** GOAWAY without an error. Its last stream is the largest possible one, so every stream is still served. */
const notice = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);

/** The longest wait for the answer to a ping. */
const pingMs = 500;

export interface LeavingSessions {
  /** `plainSocket`: given if the session has no TLS. */
  ask(session: ServerHttp2Session, plainSocket: Socket | undefined): Promise<void>;
  /** Returns a promise that the answer of a stream must wait for; undefined: none. */
  quiet(stream: ServerHttp2Stream): Promise<void> | undefined;
}

export function createLeavingSessions(): LeavingSessions {
  const quiet = new Map<Http2Session, Promise<void>>();
  return {
    quiet: ({ session }) => session && quiet.get(session),
    async ask(session, plainSocket) {
      const { promise, resolve } = Promise.withResolvers<void>();
      quiet.set(session, promise);
      // Answers wait meanwhile. A client that gets an answer together with GOAWAY may have queued its next request, which Node's client
      // then refuses. After the first ping the client has read all answers. After the second it has sent its next requests.
      await pinged(session);
      await pinged(session);
      if (!session.destroyed && !session.closed) {
        // After Node's own goaway() no new streams are accepted. Under TLS a write past the session would end the process.
        if (plainSocket) plainSocket.write(notice);
        else session.close();
      }
      await pinged(session);
      quiet.delete(session);
      resolve();
    },
  };
}

/** Resolves when the client has answered a ping, or the wait for it has timed out. */
async function pinged(session: ServerHttp2Session): Promise<void> {
  if (session.destroyed || session.closed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  if (!session.ping(() => resolve())) return;
  await Promise.race([promise, sleep(pingMs, undefined, { ref: false })]);
}
