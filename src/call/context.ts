// Values that travel beside a call's message, from the socket inwards.
import { createContextKey } from "@connectrpc/connect";
import type { Identity } from "../domain/workspace/caller.ts";
import type { WireApi } from "./surface.ts";

export interface Peer {
  /** In normal form, without `::ffff:`. */
  address: string;
}

export const peerKey = createContextKey<Peer | undefined>(undefined, { description: "peer" });

export const requestIdKey = createContextKey<string>("", { description: "request id" });

/** The result of the check of a call's credential, before its body was read. */
export interface Admission {
  surface: WireApi;
  credential: string | undefined;
  identity: Identity;
  /** A monotonic time. */
  sinceMs: number;
}

export const admissionKey = createContextKey<Admission | undefined>(undefined, { description: "admission" });

/** Whether the request has become a call, which writes its own log line. */
export const isCallKey = createContextKey<boolean>(false, { description: "is a call" });
