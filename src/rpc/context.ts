// What travels beside a call's message, from the socket inwards.
import { createContextKey } from "@connectrpc/connect";
import type { CallProgress } from "../domain/call-progress.ts";
import type { Identity } from "../domain/workspace/caller.ts";

/** What the socket knows: the address of its peer, in normal form (no `::ffff:`). */
export interface Peer {
  address: string;
}

export const peerKey = createContextKey<Peer | undefined>(undefined, { description: "peer" });

export const requestIdKey = createContextKey<string>("", { description: "request id" });

/** The caller, authenticated from the headers before the body was read; `sinceMs` is a monotonic time. */
export interface Admitted {
  identity: Identity;
  sinceMs: number;
}

export const admittedKey = createContextKey<Admitted | undefined>(undefined, { description: "admitted" });

/** The workspace that the request names and the credential does not reach. */
export const unreachedWorkspaceKey = createContextKey<string | undefined>(undefined, { description: "unreached" });

/** The progress of the call; undefined if Connect's own handlers run it. */
export const progressKey = createContextKey<CallProgress | undefined>(undefined, { description: "progress" });

/** Whether the request has become a call, which writes its own log line. */
export const isCallKey = createContextKey<boolean>(false, { description: "is a call" });
