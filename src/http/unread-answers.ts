// Cuts off answers that clients do not read: an answer without progress, and the oldest one when all together use too much memory.
import { constants } from "node:http2";
import { closingOf, type NodeRequest, type NodeResponse } from "../call/http-call.ts";

export interface UnreadAnswers {
  /** Must be called after the answer was passed to Node. `bytes` is the size of its body. */
  track(request: NodeRequest, response: NodeResponse, bytes: number): void;
}

export interface UnreadLimits {
  /** How long an answer may make no progress. */
  stalledAnswerMs: number;
  /** The memory that all waiting answers may use. */
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
      closingOf(response).once("close", () => forget(response));
      for (const oldest of waiting.keys()) {
        if (inAllBytes <= unreadBytesMax) return;
        forget(oldest);
        cutOff(oldest);
      }
    },
  };
}

/** Returns whether bytes of the answer wait in this process; bytes in the kernel's buffer do not count. */
function cutWhenStalled(request: NodeRequest, response: NodeResponse, stalledAnswerMs: number): boolean {
  if (!("stream" in response)) {
    if (request.socket.writableLength === 0) return false;
    // Node ends a socket that times out without progress, and sets another time-out after the answer is sent.
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
