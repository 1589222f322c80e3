// Runs one proxied request through the table of its states, and writes its event row and its log line.
import type { Refusal, RefusalCode } from "../domain/egress/refusal.ts";
import { refusalStatus } from "../domain/egress/refusal.ts";
import type { EgressSandbox } from "../domain/egress/sandbox.ts";
import { eventsUnavailable, failureAnswer, type ProxyAnswer } from "./answers.ts";
import { createRequestEvents, type EventOutcome, type EventParts, type RequestDetails } from "./request-events.ts";
import { type Act, type EventName, isDecided, type State, stepOf } from "./request-states.ts";
import type { Meter } from "./usage.ts";

/** The two connections of an accepted request. */
export interface Sides {
  /** Sends the request to the host. */
  send(): void;
  /** Passes the host's answer to the client. */
  passOn(): void;
  breakHost(): void;
  breakClient(): void;
}

export type Checked =
  | { answer: ProxyAnswer }
  | { sandbox: EgressSandbox; refusal: Refusal }
  | { openTunnel: () => void }
  | { sandbox: EgressSandbox; secretIds: readonly string[]; meters: readonly Meter[]; sides: Sides };

export interface ProxiedRequest {
  /** The host has answered with this status. `upstreamStatus`: undefined for a tunnel that the proxy does not read. */
  answered(status: number, upstreamStatus?: number): void;
  /** Ends the request. `secretId`: by default the first secret of the request. */
  fail(code: RefusalCode, secretId?: string): void;
  /** Ends the request when its answer has not begun and cannot begin. */
  failUnsent(code: RefusalCode): void;
  clientLeft(): void;
  /** All of the answer went through. */
  finished(): void;
  /** Counts bytes. Returns false, and ends the request, when a limit is reached. */
  count(side: "requestBytes" | "responseBytes", bytes: number): boolean;
  /** Bytes of the request so far. */
  requestBytes(): number;
  /** Whether nothing more may go through. */
  isDecided(): boolean;
  ended: Promise<void>;
}

/** The data of the events so far. The table ensures that an act finds what it needs. */
interface Known {
  answer: ProxyAnswer;
  openTunnel: () => void;
  sandbox: EgressSandbox;
  secretIds: readonly string[];
  meters: readonly Meter[];
  sides: Sides;
  refusal: Refusal;
  answered: Pick<EventOutcome, "status" | "upstreamStatus">;
  error: unknown;
}

/** The status in the row of a request whose client did not wait for the answer. */
const clientLeftStatus = 499;

/**
 * `check` decides whether the request may go to its host; an error of it is answered as a fault of the proxy. `send` answers the client.
 * Resolves when the request has ended.
 */
export function proxyRequest(
  parts: EventParts,
  details: RequestDetails,
  send: (answer: ProxyAnswer) => void,
  check: (request: ProxiedRequest) => Promise<Checked>,
): Promise<void> {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const events = createRequestEvents(parts, details);
  const known = { secretIds: [], meters: [] } as Partial<Known> as Known;
  let state: State = "checking";

  function write(outcome: EventOutcome): void {
    events.write(known.sandbox, outcome).then(
      () => on("written"),
      (error: unknown) => on("unwritten", { error }),
    );
  }

  const acts: Readonly<Record<Act, () => void>> = {
    openTunnel: () => known.openTunnel(),
    send: () => known.sides.send(),
    passOn: () => known.sides.passOn(),
    breakHost: () => known.sides.breakHost(),
    breakClient: () => known.sides.breakClient(),
    noteFailure() {
      events.brokenBy = known.refusal.code;
    },
    writeRefusal() {
      const { code, secretId } = known.refusal;
      const secretIds = secretId === undefined ? [] : [secretId];
      write({ secretIds, status: refusalStatus[code], upstreamStatus: undefined, errorCode: code });
    },
    writeAnswered: () => write({ secretIds: known.secretIds, ...known.answered, errorCode: "" }),
    writeClientLeft() {
      write({ secretIds: known.secretIds, status: clientLeftStatus, upstreamStatus: undefined, errorCode: "" });
    },
    sendAnswer: () => send(known.answer),
    sendRefusal() {
      const { code, retryAfterMs } = known.refusal;
      events.statusSent = refusalStatus[code];
      send({ status: refusalStatus[code], reason: code, retryAfterMs });
    },
    sendUnavailable: () => send(eventsUnavailable),
    reportUnwritten: () => parts.onUnexpectedError(known.error),
  };

  /** An act of a failure that throws must not keep the next ones from running: they write the row and answer the client. */
  function run(act: Act, event: EventName): void {
    try {
      acts[act]();
    } catch (error) {
      if (event !== "failed") throw error;
      parts.onUnexpectedError(error);
    }
  }

  function on(event: EventName, data: Partial<Known> = {}): void {
    try {
      const step = stepOf(state, event);
      if (!step) return;
      Object.assign(known, data);
      state = step.to;
      for (const act of step.acts) run(act, event);
    } catch (error) {
      parts.onUnexpectedError(error);
      if (event !== "failed") fail("inject_error");
    }
    if (state !== "ended") return;
    events.finish();
    resolve();
  }

  const fail = (code: RefusalCode, secretId = known.secretIds[0]) =>
    on("failed", { refusal: refusalOf(code, secretId) });

  const request: ProxiedRequest = {
    answered: (status, upstreamStatus) => on("answered", { answered: { status, upstreamStatus } }),
    fail,
    failUnsent: (code) => on("unsendable", { refusal: refusalOf(code) }),
    clientLeft: () => on("clientLeft"),
    finished: () => on("finished"),
    count(side, bytes) {
      events[side] += bytes;
      if (known.meters.every((meter) => meter.addBytes(bytes))) return true;
      fail("byte_cap_reached");
      return false;
    },
    requestBytes: () => events.requestBytes,
    isDecided: () => isDecided(state),
    ended,
  };

  check(request).then(
    (checked) => {
      if ("answer" in checked) on("turnedAway", checked);
      else if ("refusal" in checked) on("refused", checked);
      else if ("openTunnel" in checked) on("opened", checked);
      else on("accepted", checked);
    },
    (error: unknown) => {
      parts.onUnexpectedError(error);
      on("turnedAway", { answer: failureAnswer(error) });
    },
  );
  return ended;
}

function refusalOf(code: RefusalCode, secretId?: string): Refusal {
  return secretId === undefined ? { code } : { code, secretId };
}
