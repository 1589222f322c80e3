// Time-outs of the egress proxy.

/** Time-outs that operators choose, in milliseconds. */
export interface EgressWaits {
  /** From the last byte of the request to the head of the host's answer. */
  answerMs: number;
  /** Between two bytes of a request's or an answer's body. */
  bodyMs: number;
  /** Between two bytes of a WebSocket, a tunnel or an event stream; 0: no limit, and TCP keep-alive detects a lost peer. */
  idleMs: number;
}

/** All in milliseconds. */
export interface EgressTimeouts extends EgressWaits {
  /** For the head of each request. */
  headMs: number;
  /** Until a host is connected. */
  dialMs: number;
  /** How often the sandbox of an open request is checked again. */
  recheckMs: number;
  /** How long the last bytes of a stream wait for the rest of a value. */
  heldMs: number;
}

export const egressTimeouts: Omit<EgressTimeouts, keyof EgressWaits> = {
  headMs: 15_000,
  dialMs: 10_000,
  recheckMs: 1_000,
  heldMs: 100,
};
