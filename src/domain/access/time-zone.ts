// Time zones by their IANA names, and the hour of the day there.

/** Whether `text` is the name of a zone in the IANA database. Offsets such as `+01:00` are not names. */
export function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z][\w+\-/]{0,63}$/.test(text)) return false;
  try {
    clockOf(text);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Returns the hour in the zone, 0 to 23. Throws a RangeError for an unknown zone. */
export function hourIn(timezone: string, time: Date): number {
  return Number(clockOf(timezone).format(time));
}

// Creating a formatter costs more than a hundred uses of it.
const clocks = new Map<string, Intl.DateTimeFormat>();
const clocksMax = 256;

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone);
  if (known) return known;
  const clock = new Intl.DateTimeFormat("en-US", { timeZone, hour: "2-digit", hourCycle: "h23" });
  if (clocks.size >= clocksMax) clocks.clear();
  clocks.set(timeZone, clock);
  return clock;
}
