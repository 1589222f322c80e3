// CPU time and memory of a process and all below it, as Linux counts them in /proc.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

// Linux tells user space about hundredths of a second whatever its own clock does.
const ticksPerSecond = 100;

interface Stat {
  pid: number;
  parentPid: number;
  cpuTicks: number;
}

/** CPU seconds so far of the tree below `pid`, with those of its children that have ended. */
export function cpuSecondsOf(pid: number): number {
  return treeOf(pid).reduce((sum, { cpuTicks }) => sum + cpuTicks, 0) / ticksPerSecond;
}

/** The largest resident set that a process of the tree has had since `forgetPeakRss`. */
export function peakRssMiBOf(pid: number): number {
  return Math.max(...treeOf(pid).map((stat) => peakKiB(stat.pid))) / 1024;
}

export function forgetPeakRss(pid: number): void {
  for (const stat of treeOf(pid)) {
    try {
      writeFileSync(`/proc/${stat.pid}/clear_refs`, "5");
    } catch {
      // Then the peak is that of the whole run.
    }
  }
}

function treeOf(pid: number): Stat[] {
  const stats = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)) ?? []);
  const tree = stats.filter((stat) => stat.pid === pid);
  if (tree.length === 0) throw new Error(`process ${pid} is gone`);
  for (const { pid: parentPid } of tree) tree.push(...stats.filter((stat) => stat.parentPid === parentPid));
  return tree;
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before it may hold spaces and parentheses.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const cpuTicks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { pid, parentPid: Number(fields[1]), cpuTicks };
  } catch {
    return undefined; // It has just ended.
  }
}

function peakKiB(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
