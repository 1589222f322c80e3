// Cuts off answers that clients do not read: one that makes no progress, and the oldest when all of them hold too much memory.
import { constants } from "node:http2";
import type { NodeRequest, NodeResponse } from "./exchange.ts";

export interface UnreadAnswers {
  /** After the answer was handed over, with the bytes of its body. */
  track(request: NodeRequest, response: NodeResponse, bytes: number): void;
}

export interface UnreadLimits {
  /** For an answer of which the client takes nothing more. */
  stalledAnswerMs: number;
  /** For all answers that wait to be taken. */
  unreadBytesMax: number;
}

export function createUnreadAnswers({ stalledAnswerMs, unreadBytesMax }: UnreadLimits): UnreadAnswers {
  /** The oldest first. */
  const waiting = new Map<NodeResponse, number>();
  let inAllBytes = 0;

  function forget(response: NodeResponse): void {
    inAllBytes -= waiting.get(response) ?? 0;
    waiting.delete(response);
  }

  return {
    track(request, response, bytes) {
      if (!cutWhenStalled(request, response, stalledAnswerMs)) return;
      waiting.set(response, bytes);
      inAllBytes += bytes;
      response.once("close", () => forget(response));
      for (const oldest of waiting.keys()) {
        if (inAllBytes <= unreadBytesMax) return;
        forget(oldest);
        cutOff(oldest);
      }
    },
  };
}

/** Whether anything of the answer waits for its client; what the kernel has taken does not. */
function cutWhenStalled(request: NodeRequest, response: NodeResponse, stalledAnswerMs: number): boolean {
  if (!("stream" in response)) {
    if (request.socket.writableLength === 0) return false;
    // Node ends a socket that times out without progress, and sets another time once the answer is sent.
    request.socket.setTimeout(stalledAnswerMs);
    return true;
  }
  const { stream } = response;
  if (stream.writableFinished || stream.destroyed) return false;
  stream.setTimeout(stalledAnswerMs, () => cutOff(response));
  return true;
}

function cutOff(response: NodeResponse): void {
  if ("stream" in response) response.stream.close(constants.NGHTTP2_CANCEL);
  else response.destroy();
}
