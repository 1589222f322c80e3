// One case, several times: the floor, coffer, the floor, coffer …, so that both meet the same moods of the machine.
import { type Case, nameOf } from "./cases.ts";
import { type Measured, measure } from "./measure.ts";
import type { Rig } from "./rig.ts";

export interface Compared extends Case {
  name: string;
  /** Medians of the rounds. */
  floor: Measured;
  coffer: Measured;
  /** Medians of what coffer's figure is to the floor's in each round. */
  ratio: Measured;
  rounds: { floor: Measured; coffer: Measured }[];
}

export interface Plan {
  rounds: number;
  seconds: number;
  /** No round begins when it could end after this time of `performance.now()`. */
  endByMs: number;
  signal: AbortSignal;
}

const warmUpSeconds = 1;

export async function compare(rig: Rig, one: Case, { rounds, seconds, endByMs, signal }: Plan): Promise<Compared> {
  const done: Compared["rounds"] = [];
  for (const which of ["floor", "coffer"] as const) {
    signal.throwIfAborted();
    await measure(rig, which, one, warmUpSeconds);
  }
  let roundMs = 2 * seconds * 1_000;
  while (done.length < rounds && (done.length === 0 || performance.now() + roundMs < endByMs)) {
    const begin = performance.now();
    signal.throwIfAborted();
    const floor = await measure(rig, "floor", one, seconds);
    signal.throwIfAborted();
    const coffer = await measure(rig, "coffer", one, seconds);
    done.push({ floor, coffer });
    roundMs = performance.now() - begin;
  }
  return {
    ...one,
    name: nameOf(one),
    floor: medians(done.map(({ floor }) => floor)),
    coffer: medians(done.map(({ coffer }) => coffer)),
    ratio: medians(done.map(ratioOf)),
    rounds: done,
  };
}

function ratioOf({ floor, coffer }: Compared["rounds"][number]): Measured {
  return mapFigures(coffer, (figure) => (floor[figure] === 0 ? 0 : coffer[figure] / floor[figure]));
}

function medians(all: readonly Measured[]): Measured {
  const [first] = all;
  if (!first) throw new Error("nothing was measured");
  return mapFigures(first, (figure) => median(all.map((one) => one[figure])));
}

function mapFigures(like: Measured, figureOf: (figure: keyof Measured) => number): Measured {
  const figures = Object.keys(like) as (keyof Measured)[];
  return Object.fromEntries(figures.map((figure) => [figure, figureOf(figure)])) as unknown as Measured;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}
