// Makes what a MAC of a row covers from the declaration of its table.
import type { MacField } from "../envelope/mac.ts";
import type { Columns, CoveredRow, Table } from "../store/rows/table.ts";

/** A label and what it covers, in order. */
export interface Covered {
  label: string;
  fields: readonly MacField[];
}

/** Returns a function that gives the label and the fields of a row's MAC. `mac` is the column that stores it. */
export function covering<C extends Columns, M extends string>(
  { macs, columns }: Table<C>,
  mac: M,
): (row: CoveredRow<C, M>) => Covered {
  const label = macs[mac];
  if (!label) throw new Error(`the table declares no MAC ${mac}`);
  const parts = Object.entries(columns)
    .filter(([, column]) => column.macs.includes(mac))
    .map(([property, { type, sinceVersion = label.version }]) => ({ property, type, sinceVersion }));
  const labels = new Map(parts.map(({ sinceVersion }) => [sinceVersion, `${label.name}/v${sinceVersion}`]));
  const added = parts.filter(({ sinceVersion }) => sinceVersion > label.version);
  return (row) => {
    const values: Readonly<Record<string, unknown>> = row;
    // The label has the version of the newest column that has a value. The MAC covers the columns of that version and of all before it.
    let version = label.version;
    for (const { property, sinceVersion } of added) {
      if (sinceVersion > version && hasValue(values[property])) version = sinceVersion;
    }
    const fields: MacField[] = [];
    for (const { property, type, sinceVersion } of parts) {
      if (sinceVersion <= version) type.addTo(fields, values[property]);
    }
    return { label: labels.get(version) as string, fields };
  };
}

function hasValue(value: unknown): boolean {
  return value !== undefined && value !== false && value !== "";
}
