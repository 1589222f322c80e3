// The table of a proxied request's states, without a server: every way through it is walked.
import { describe, expect, test } from "vitest";
import { type Act, type EventName, isDecided, type State, states, stepOf } from "../../src/egress/request-states.ts";

interface Walk {
  states: readonly State[];
  events: readonly EventName[];
  acts: readonly Act[];
}

const names = Object.keys(states) as State[];
const events: readonly EventName[] = [
  ...(["turnedAway", "refused", "opened", "accepted", "answered", "failed"] as const),
  ...(["unsendable", "clientLeft", "finished", "written", "unwritten"] as const),
];
const walks = [...walksFrom({ states: ["checking"], events: [], acts: [] })];

function* walksFrom(walk: Walk): Generator<Walk> {
  const state = walk.states.at(-1) as State;
  if (state === "ended") yield walk;
  for (const [event, { to, acts }] of Object.entries(states[state].on)) {
    // Without this a circle in the table would never end here.
    if (walk.states.includes(to)) throw new Error(`${[...walk.states, to].join(" → ")} is a circle`);
    yield* walksFrom({
      states: [...walk.states, to],
      events: [...walk.events, event as EventName],
      acts: [...walk.acts, ...acts],
    });
  }
}

function count(acts: readonly Act[], ...among: Act[]): number {
  return acts.filter((act) => among.includes(act)).length;
}

describe("a proxied request", () => {
  test("can reach every state, and from every state its end, without a circle", () => {
    expect(walks.length).toBeGreaterThan(10);
    expect(new Set(walks.flatMap((walk) => walk.states))).toEqual(new Set(names));
    for (const state of names) expect(walks.some((walk) => walk.states.includes(state))).toBe(true);
  });

  test.each(names)("handles every event while it is %s: a step, nothing, or a fault that is reported", (state) => {
    const { on, ignores } = states[state];
    for (const event of events) {
      expect([event in on, ignores.includes(event)]).not.toEqual([true, true]);
      if (event in on) expect(stepOf(state, event)).toBe(on[event]);
      else if (ignores.includes(event)) expect(stepOf(state, event)).toBeUndefined();
      else expect(() => stepOf(state, event)).toThrow(`cannot be "${event}" while it is ${state}`);
    }
  });

  test("writes exactly one event row, unless no sandbox is known or the proxy reads the tunnel", () => {
    for (const {
      events: [first],
      acts,
    } of walks) {
      const rows = count(acts, "writeRefusal", "writeAnswered", "writeClientLeft");
      expect([first, rows]).toEqual([first, first === "turnedAway" || first === "opened" ? 0 : 1]);
    }
  });

  test("gets one answer at most, and none before its row is written", () => {
    for (const { events: passed, acts } of walks) {
      const answers = count(acts, "sendAnswer", "sendRefusal", "sendUnavailable", "openTunnel");
      expect(answers).toBeLessThanOrEqual(1);
      if (acts.includes("passOn") || acts.includes("sendRefusal")) expect(passed).toContain("written");
      // The host's answer cannot follow a refusal. A refusal follows it only when nothing of it was sent.
      if (acts.includes("passOn") && answers > 0) expect(passed).toContain("unsendable");
    }
  });

  test("leaves no connection to the host open, unless all of the answer went through", () => {
    const accepted = walks.filter((walk) => walk.events.includes("accepted"));
    for (const { events: passed, acts } of accepted) {
      expect(acts.includes("breakHost")).toBe(!passed.includes("finished"));
    }
  });

  test("reports every row that could not be written", () => {
    for (const { events: passed, acts } of walks) {
      expect(acts.includes("reportUnwritten")).toBe(passed.includes("unwritten"));
    }
  });

  test("passes no more bytes once its end is decided", () => {
    for (const walk of walks) {
      const decided = walk.states.findIndex(isDecided);
      expect(walk.states.slice(decided).every(isDecided)).toBe(true);
    }
  });
});
