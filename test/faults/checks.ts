// The invariants after every fault. Each function returns the problems that it found.

/** An idempotency key, and the resource that an answer or a stored row has for it. */
export interface Seen {
  key: string;
  id: string;
}

/** Every key in `keys` has exactly one row, no other key has more than one, and all answers name the row of their key. */
export function problemsOfKeys(seen: { keys: Iterable<string>; answers: readonly Seen[]; rows: readonly Seen[] }) {
  const rows = Map.groupBy(seen.rows, ({ key }) => key);
  const missing = [...new Set(seen.keys)].filter((key) => !rows.has(key));
  const repeated = [...rows].filter(([, found]) => found.length > 1);
  const wrong = seen.answers.filter(({ key, id }) => !rows.get(key)?.some((row) => row.id === id));
  return [
    ...missing.map((key) => `${key} has no row`),
    ...repeated.map(([key, found]) => `${key} has ${found.length} rows`),
    ...wrong.map(({ key, id }) => `an answer to ${key} named ${id}, which is not its row`),
  ];
}

/** Everything in `acknowledged` is in `stored`, byte for byte. */
export function problemsOfValues(
  acknowledged: ReadonlyMap<string, Uint8Array>,
  stored: ReadonlyMap<string, Uint8Array>,
) {
  return [...acknowledged].flatMap(([id, value]) => {
    const found = stored.get(id);
    if (!found) return [`${id} is lost`];
    return Buffer.compare(found, value) === 0 ? [] : [`${id} reads back differently`];
  });
}

/** The numbers are 1, 2, 3 … without gaps or repeats. */
export function problemsOfNumbers(numbers: readonly number[]): string[] {
  return numbers
    .toSorted((a, b) => a - b)
    .flatMap((number, index) => (number === index + 1 ? [] : [`${number} stands where ${index + 1} belongs`]));
}

/** Exactly one of several competitors won; the others were told the winner's etag. */
export function problemsOfRace(etags: {
  won: readonly string[];
  toldToOthers: readonly string[];
  now: string;
}): string[] {
  const { won, toldToOthers, now } = etags;
  return [
    ...(won.length === 1 ? [] : [`${won.length} have won`]),
    ...won.filter((etag) => etag !== now).map((etag) => `the winner was told ${etag}, it is ${now}`),
    ...toldToOthers.filter((etag) => etag !== now).map((etag) => `another was told ${etag}, it is ${now}`),
  ];
}

/** Every path has at most one active secret. */
export function problemsOfPaths(activePaths: readonly string[]): string[] {
  return [...Map.groupBy(activePaths, (path) => path)]
    .filter(([, found]) => found.length > 1)
    .map(([path, found]) => `${path} has ${found.length} active secrets`);
}

/** Every request that was answered with a value has exactly one audit event that allowed it. */
export function problemsOfAudit(answered: Iterable<string>, events: readonly { requestId: string; result: string }[]) {
  const allowed = Map.groupBy(
    events.filter(({ result }) => result === "OK"),
    ({ requestId }) => requestId,
  );
  return [...answered]
    .map((requestId) => ({ requestId, count: allowed.get(requestId)?.length ?? 0 }))
    .filter(({ count }) => count !== 1)
    .map(({ requestId, count }) => `${requestId} has ${count} audit events`);
}
