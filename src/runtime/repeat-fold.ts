// Combines repeated events: the first is written at once, the repeats within ten seconds as one event that counts them.
import { BoundedMap } from "../domain/bounded-map.ts";

export interface RepeatFold<T> {
  /**
   * Events of one group with the same key are equal. Returns the write of the event if it is the first, or if the ones before it could
   * not be written; undefined if it is only counted.
   */
  add(group: string, key: string, event: T): Promise<void> | undefined;
  /** Writes the events that are still being counted. */
  flush(): Promise<void>;
}

const windowMs = 10_000;
const groupsMax = 10_000;

interface Kind<T> {
  event: T;
  repeats: number;
  /** The first event is durable or being written. If its write failed, the next event is written instead of counted. */
  isWritten: boolean;
}

interface Group<T> {
  kinds: Map<string, Kind<T>>;
  mixed: Omit<Kind<T>, "isWritten"> | undefined;
  timer: NodeJS.Timeout;
}

/**
 * If a group has more than `kindsMax` different events within ten seconds, the rest are counted together. So a client that varies its
 * requests cannot cause more events.
 */
export function createRepeatFold<T>(options: {
  kindsMax: number;
  write: (event: T) => Promise<void>;
  /** Returns the event that stands for `repeats` later ones. `isMixed`: they are of several kinds, and `event` is one of them. */
  fold: (event: T, repeats: number, isMixed: boolean) => T;
  onLost: (error: unknown) => void;
}): RepeatFold<T> {
  // An evicted group is written.
  const groups = new BoundedMap<string, Group<T>>(groupsMax, (name, group) => void close(name, group));

  async function close(name: string, group: Group<T>): Promise<void> {
    if (groups.get(name) === group) groups.delete(name);
    clearTimeout(group.timer);
    const counted = [...group.kinds.values()].filter(({ repeats }) => repeats > 0);
    const folded = counted.map(({ event, repeats }) => options.fold(event, repeats, false));
    if (group.mixed) folded.push(options.fold(group.mixed.event, group.mixed.repeats, true));
    await Promise.all(folded.map((event) => options.write(event).catch(options.onLost)));
  }

  function writeFirst(kind: Kind<T>): Promise<void> {
    kind.isWritten = true;
    return options.write(kind.event).catch((error: unknown) => {
      kind.isWritten = false;
      throw error;
    });
  }

  function open(name: string) {
    const timer: NodeJS.Timeout = setTimeout(() => void close(name, group), windowMs).unref();
    const group: Group<T> = { kinds: new Map(), mixed: undefined, timer };
    groups.set(name, group);
    return group;
  }

  return {
    add(name, key, event) {
      const group = groups.get(name) ?? open(name);
      const kind = group.kinds.get(key);
      if (kind?.isWritten) {
        kind.repeats++;
        return undefined;
      }
      if (kind || group.kinds.size < options.kindsMax) {
        const first = { event, repeats: kind?.repeats ?? 0, isWritten: false };
        group.kinds.set(key, first);
        return writeFirst(first);
      }
      group.mixed ??= { event, repeats: 0 };
      group.mixed.repeats++;
      return undefined;
    },
    async flush() {
      await Promise.all([...groups].map(([name, group]) => close(name, group)));
    },
  };
}
