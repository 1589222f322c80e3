// The checks themselves: each finds the fault that it is for.
import { describe, expect, it } from "vitest";
import {
  problemsOfAudit,
  problemsOfKeys,
  problemsOfNumbers,
  problemsOfPaths,
  problemsOfRace,
  problemsOfValues,
} from "./checks.ts";

const row = (key: string, id: string) => ({ key, id });
const value = (id: string, text: string) => new Map([[id, Buffer.from(text)]]);

describe("the checks see", () => {
  it.each<[string, string[], number]>([
    ["nothing wrong", problemsOfKeys({ keys: ["a"], answers: [row("a", "1")], rows: [row("a", "1")] }), 0],
    ["a second secret of a key", problemsOfKeys({ keys: [], answers: [], rows: [row("a", "1"), row("a", "2")] }), 1],
    ["an acknowledged create without a row", problemsOfKeys({ keys: ["a"], answers: [row("a", "1")], rows: [] }), 2],
    ["an answer with another id", problemsOfKeys({ keys: [], answers: [row("a", "2")], rows: [row("a", "1")] }), 1],
    ["a value as it was", problemsOfValues(value("a", "x"), value("a", "x")), 0],
    ["a lost value", problemsOfValues(value("a", "x"), value("b", "x")), 1],
    ["a changed byte", problemsOfValues(value("a", "x"), value("a", "y")), 1],
    ["numbers in a row", problemsOfNumbers([2, 1, 3]), 0],
    ["a gap", problemsOfNumbers([1, 3]), 1],
    ["a number twice", problemsOfNumbers([1, 1]), 1],
    ["one winner", problemsOfRace({ won: ["2"], toldToOthers: ["2"], now: "2" }), 0],
    ["a second winner", problemsOfRace({ won: ["2", "2"], toldToOthers: [], now: "2" }), 1],
    ["a loser with a stale etag", problemsOfRace({ won: ["2"], toldToOthers: ["1"], now: "2" }), 1],
    ["paths of their own", problemsOfPaths(["/a", "/b"]), 0],
    ["a path with two secrets", problemsOfPaths(["/a", "/a"]), 1],
    ["an audited read", problemsOfAudit(["r"], [{ requestId: "r", result: "OK" }]), 0],
    ["a read that is in no audit event", problemsOfAudit(["r"], [{ requestId: "r", result: "VALUE_CORRUPT" }]), 1],
  ])("%s", (_what, problems, count) => {
    expect(problems).toHaveLength(count);
  });
});
