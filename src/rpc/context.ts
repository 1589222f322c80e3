// What travels beside a call's message, from the socket inwards.
import { createContextKey } from "@connectrpc/connect";

/** What the socket knows: the address of its peer, in normal form (no `::ffff:`). */
export interface Peer {
  address: string;
}

export const peerKey = createContextKey<Peer | undefined>(undefined, { description: "peer" });

export const requestIdKey = createContextKey<string>("", { description: "request id" });

/** The workspace that the request names and the credential does not reach. */
export const unreachedWorkspaceKey = createContextKey<string | undefined>(undefined, { description: "unreached" });

/** Whether the request has become a call, which writes its own log line. */
export const isCallKey = createContextKey<boolean>(false, { description: "is a call" });
