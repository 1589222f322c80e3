// The chart of the README: requests a second against the floor, one bar a case.
import type { Compared } from "../compare.ts";

const labelWidth = 250;
const plotWidth = 380;
const valueWidth = 70;
const barHeight = 16;
const rowHeight = 24;
const headHeight = 44;

/** Reads at 64 at a time, everything that writes or lists at 16: where each is asked for. */
export function chartOf(cases: readonly Compared[]): string {
  const shown = cases.filter(({ action, concurrency }) => concurrency === (/^get|^mixed/.test(action) ? 64 : 16));
  const ratioMax = Math.max(1.25, ...shown.map(({ ratio }) => ratio.requestsPerSecond)) * 1.05;
  const xOf = (ratio: number) => round(labelWidth + (ratio / ratioMax) * plotWidth);
  const width = labelWidth + plotWidth + valueWidth;
  const height = headHeight + shown.length * rowHeight + 12;
  const bars = shown.map((one, index) => bar(one, headHeight + index * rowHeight, xOf));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">Requests a second of coffer against a bare Node server with one query</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.note { fill: #57606a }
.bar { fill: #2f6fde }
.floor { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.note { fill: #9198a1 }
.bar { fill: #6ea8fe }
.floor { stroke: #ff7b72 }
}
</style>
<text x="${labelWidth}" y="16">requests a second, as a multiple of the floor's</text>
<text class="note" x="${xOf(1)}" y="34" text-anchor="middle">floor = 1</text>
${bars.join("\n")}
<line class="floor" x1="${xOf(1)}" x2="${xOf(1)}" y1="${headHeight - 4}" y2="${height - 8}"/>
</svg>
`;
}

function bar({ name, ratio }: Compared, top: number, xOf: (ratio: number) => number): string {
  const value = ratio.requestsPerSecond;
  const baseline = top + 12;
  return `<text x="${labelWidth - 8}" y="${baseline}" text-anchor="end">${name}</text>
<rect class="bar" x="${labelWidth}" y="${top}" width="${round(xOf(value) - labelWidth)}" height="${barHeight}" rx="2"/>
<text x="${xOf(Math.max(value, 1)) + 6}" y="${baseline}">${value.toFixed(2)} ×</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
