// The results as a table in Markdown.
import type { Compared } from "../compare.ts";
import type { Results } from "./results.ts";

const head = [
  "case",
  "req/s",
  "p50 ms",
  "p99 ms",
  "CPU s per 1,000: coffer",
  "Postgres",
  "Redis",
  "all",
  "peak RSS MiB",
];

export function markdownOf({ scale, rounds, seconds, workers, machine, readyMs, cases }: Results): string {
  const rows = cases.map((one) => row([one.name, ...figuresOf(one)]));
  return `# Measured against the floor

Each figure of coffer, and in brackets what it is to the floor's: a bare \`node:http\` server (for gRPC: \`node:http2\`) that runs
one prepared statement and opens or seals the value, with no authentication, permissions, limits or audit. Medians of ${rounds}
rounds of ${seconds} s, the floor and coffer in turn, with ${scale} secrets, ${workers ?? 1} coffer process(es), on ${machine}.
Above 1 is better for req/s, below 1 for everything else. Ready ${readyMs.toFixed(0)} ms after the start.

${row(head)}
${row(head.map((_, index) => (index === 0 ? "---" : "---:")))}
${rows.join("\n")}

Over gRPC the load generator repeats one body, so only requests that may be repeated are measured there.
`;
}

function figuresOf({ coffer, ratio }: Compared): string[] {
  const withRatio = (figure: keyof typeof coffer, digits: number) =>
    `${coffer[figure].toFixed(digits)} (${ratio[figure].toFixed(2)})`;
  return [
    withRatio("requestsPerSecond", 0),
    withRatio("p50Ms", 2),
    withRatio("p99Ms", 2),
    withRatio("cpuServer", 3),
    withRatio("cpuPostgres", 3),
    // The floor has no Redis.
    coffer.cpuRedis.toFixed(3),
    withRatio("cpuTotal", 3),
    withRatio("peakRssMiB", 0),
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
