// Long work of the event loop, one piece at a time.
import { expect, it } from "vitest";
import { inTurn } from "../../../src/runtime/in-turn.ts";

it("handles other events between two pieces of work that were asked for at once", async () => {
  const done: string[] = [];
  const work = ["a", "b", "c"].map((name) => inTurn(() => done.push(name)));
  const others = (async () => {
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      done.push("other");
    }
  })();
  await Promise.all([...work, others]);
  expect(done.join(" ")).not.toMatch(/a b|b c/);
  expect(done.filter((name) => name !== "other")).toEqual(["a", "b", "c"]);
});

it("goes on after work that failed", async () => {
  const failing = inTurn(() => {
    throw new Error("failed");
  });
  const next = inTurn(() => "done");
  await expect(failing).rejects.toThrow("failed");
  await expect(next).resolves.toBe("done");
});
