// How much memory a process holds, as Linux counts it.
import { readFileSync } from "node:fs";

/** The most that it has held so far. */
export function residentMibMax(pid: number | undefined): number {
  return statusKib(pid, "VmHWM") / 1024;
}

function statusKib(pid: number | undefined, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1]);
}
