// Time zones by their IANA names, and what clocks show there.

/** Whether `text` names a zone of the IANA database; an offset such as `+01:00` is no zone. */
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

/** The hour, 0 to 23, that a clock in the zone shows. Fails with a RangeError for what is no zone. */
export function hourIn(timezone: string, time: Date): number {
  return Number(clockOf(timezone).format(time));
}

// To make one costs more than to ask it a hundred times.
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
