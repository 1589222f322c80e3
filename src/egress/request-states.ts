// The states of one proxied request, in one table: which event leads from which state to which, and what the proxy does then.

/**
 * | a request ends because | event row | log line |
 * | --- | --- | --- |
 * | the client has no valid token, guesses tokens, or the proxy fails before it knows the sandbox | none | one without a sandbox, or the error |
 * | the proxy refuses it | the refusal | the same |
 * | the client opens a tunnel that the proxy reads | none: each request in the tunnel has its own | none |
 * | host, time-out, revocation or a limit ends it before the host has answered | the error, without a status of the host | the same |
 * | the client or a shutdown ends it before the host has answered | status 499, no error | the same |
 * | host, time-out, revocation or a limit ends it while the row is written | the host's status, corrected to the error | the error |
 * | the host answers, and all of it goes through | the host's status | the same |
 * | host, time-out, revocation or a limit breaks the answer off | the host's status, corrected to the error | the error |
 * | the client or a shutdown breaks the answer off | the host's status | the same |
 * | its row cannot be written | none; the client receives events_unavailable | the error |
 */
export type State =
  /** The proxy finds the sandbox, checks the request and opens the values. */
  | "checking"
  /** The request goes to the host, which has not answered. */
  | "sending"
  /** The host has answered. The row of the request is being written, and the client has received nothing. */
  | "recording"
  /** As recording, but the answer is lost. */
  | "broken"
  /** The answer goes to the client. */
  | "answering"
  /** The row of a refusal is being written. */
  | "refusing"
  /** The client is gone. The row is being written. */
  | "leaving"
  | "ended";

export type EventName =
  /** No sandbox is known: the request is answered without a row. */
  | "turnedAway"
  | "refused"
  /** The client has a tunnel whose requests the proxy reads. */
  | "opened"
  | "accepted"
  | "answered"
  /** The host, a time-out, a revocation or a limit ends the request. */
  | "failed"
  /** The host's answer cannot be sent, and none of it was sent. */
  | "unsendable"
  | "clientLeft"
  | "finished"
  | "written"
  | "unwritten";

export type Act =
  | "openTunnel"
  | "send"
  | "passOn"
  | "breakHost"
  | "breakClient"
  /** Notes for the row and the log that the answer did not reach its end. */
  | "noteFailure"
  | "writeRefusal"
  | "writeAnswered"
  | "writeClientLeft"
  | "sendAnswer"
  | "sendRefusal"
  | "sendUnavailable"
  | "reportUnwritten";

export interface Step {
  to: State;
  acts: readonly Act[];
}

interface Row {
  on: Readonly<Partial<Record<EventName, Step>>>;
  /** Events that may happen in the state, and change nothing. All others are faults of the proxy. */
  ignores: readonly EventName[];
}

function go(to: State, ...acts: Act[]): Step {
  return { to, acts };
}

/** Events that a connection may still report when the request is already decided. */
const late = ["answered", "failed", "clientLeft", "finished"] as const;

export const states: Readonly<Record<State, Row>> = {
  checking: {
    on: {
      turnedAway: go("ended", "sendAnswer"),
      refused: go("refusing", "writeRefusal"),
      opened: go("ended", "openTunnel"),
      accepted: go("sending", "send"),
    },
    ignores: [],
  },
  sending: {
    on: {
      answered: go("recording", "writeAnswered"),
      failed: go("refusing", "breakHost", "writeRefusal"),
      clientLeft: go("leaving", "breakHost", "writeClientLeft"),
    },
    ignores: [],
  },
  recording: {
    on: {
      written: go("answering", "passOn"),
      unwritten: go("ended", "reportUnwritten", "breakHost", "sendUnavailable"),
      failed: go("broken", "noteFailure", "breakHost"),
      clientLeft: go("leaving", "breakHost"),
    },
    ignores: ["answered"],
  },
  broken: {
    on: {
      written: go("ended", "sendRefusal"),
      unwritten: go("ended", "reportUnwritten", "sendUnavailable"),
    },
    ignores: ["answered", "failed", "clientLeft"],
  },
  answering: {
    on: {
      finished: go("ended"),
      failed: go("ended", "noteFailure", "breakHost", "breakClient"),
      unsendable: go("ended", "noteFailure", "breakHost", "sendRefusal"),
      clientLeft: go("ended", "breakHost"),
    },
    ignores: ["answered"],
  },
  refusing: {
    on: {
      written: go("ended", "sendRefusal"),
      unwritten: go("ended", "reportUnwritten", "sendUnavailable"),
    },
    ignores: ["answered", "failed", "clientLeft"],
  },
  leaving: {
    on: {
      written: go("ended"),
      unwritten: go("ended", "reportUnwritten"),
    },
    ignores: ["answered", "failed", "clientLeft"],
  },
  ended: { on: {}, ignores: late },
};

/** Returns undefined for an event that the state ignores. Throws for one that cannot happen in it. */
export function stepOf(state: State, event: EventName): Step | undefined {
  const { on, ignores } = states[state];
  const step = on[event];
  if (step || ignores.includes(event)) return step;
  throw new Error(`a proxied request cannot be "${event}" while it is ${state}`);
}

/** Whether the request and its answer may no longer go through. */
export function isDecided(state: State): boolean {
  return state === "broken" || state === "refusing" || state === "leaving" || state === "ended";
}
