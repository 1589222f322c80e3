// Many patterns of one segment, such as `db-*`, tried together: by characters, so that thousands cost hardly more than one.

/** What is found after some characters of patterns. */
interface State<T> {
  next: Map<number, State<T>>;
  /** After a `*`: stays with every character. */
  star: State<T> | undefined;
  isStar: boolean;
  value: T | undefined;
}

export interface SegmentGlobs<T> {
  /** What is kept under the pattern, made when there is nothing yet. */
  at(glob: string, make: () => T): T;
  /** What is kept under the patterns that match. */
  matching(segment: string): T[];
}

const asterisk = "*".charCodeAt(0);

export function createSegmentGlobs<T>(): SegmentGlobs<T> {
  const root = newState<T>(false);
  return {
    at(glob, make) {
      let state = root;
      for (let i = 0; i < glob.length; i++) state = follow(state, glob.charCodeAt(i));
      state.value ??= make();
      return state.value;
    },
    matching(segment) {
      let active = new Set<State<T>>();
      enter(active, root);
      for (let i = 0; i < segment.length && active.size > 0; i++) active = step(active, segment.charCodeAt(i));
      const found: T[] = [];
      for (const { value } of active) if (value !== undefined) found.push(value);
      return found;
    },
  };
}

function newState<T>(isStar: boolean): State<T> {
  return { next: new Map(), star: undefined, isStar, value: undefined };
}

function follow<T>(state: State<T>, character: number): State<T> {
  if (character === asterisk) {
    state.star ??= newState(true);
    return state.star;
  }
  const known = state.next.get(character);
  if (known) return known;
  const made = newState<T>(false);
  state.next.set(character, made);
  return made;
}

function step<T>(active: ReadonlySet<State<T>>, character: number): Set<State<T>> {
  const after = new Set<State<T>>();
  for (const state of active) {
    if (state.isStar) after.add(state);
    const next = state.next.get(character);
    if (next) enter(after, next);
  }
  return after;
}

/** A `*` may stand for nothing. */
function enter<T>(active: Set<State<T>>, state: State<T>): void {
  active.add(state);
  if (state.star) active.add(state.star);
}
