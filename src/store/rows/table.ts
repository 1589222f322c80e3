// Declares a table once: its columns, how their values are read and written, and which MACs cover them or why none does.
import { type ColumnType, macBytes } from "./column-types.ts";

/** Why a column needs no MAC. */
export const uncoveredReasons = {
  mac: "holds a MAC",
  shown: "is only shown; no decision uses it",
  etag: "counts changes: it is the etag, and callers who overwrite a change with it lose only their own",
  sealed: "is authenticated encryption, bound to the ids of its row",
  bound: "is part of the data that the ciphertext is bound to: with another value it does not open",
  schedule: "decides when a job removes or rotates something; an older row with its MAC would do the same",
  job: "tells a job how far it has come",
  validation: "is the result of the last try of the credential; a MAC covers where the credential is sent",
  quota: "limits how much a workspace may hold, not who gets a value",
  hint: "says that access rules may have changed; every instance also hears of each change by a notification",
  rotation: "decides whether a key may have new versions, not who uses it",
  revoked: "is set together with an empty MAC: without it the row does not authenticate either",
  replay: "names what an earlier call made; a replay authorizes the caller again and shows no value",
  legacy: "is read only by instances of an earlier version",
  names: "says which names are taken; the values are sealed",
  singleton: "has one value",
} as const;

export type UncoveredReason = keyof typeof uncoveredReasons;

/** One column. `M` names the MACs that cover it, each by the column that stores the MAC. */
export interface Column<T, M extends string = never> {
  column: string;
  type: ColumnType<T>;
  macs: readonly M[];
  /** The version of the MAC's label from which on the MAC covers this column; undefined: always. */
  sinceVersion: number | undefined;
  /** Defined if no MAC covers it. */
  uncovered: UncoveredReason | undefined;
}

/** A column that the given MACs cover, in the order in which the table declares its columns. */
export function covered<T, M extends string>(column: string, type: ColumnType<T>, ...macs: M[]): Column<T, M> {
  return { column, type, macs, sinceVersion: undefined, uncovered: undefined };
}

/**
 * A column that was added to a table with rows: MACs cover it from a version of their label on. A row in which it and all newer columns
 * are undefined, false or "" has the label and the MAC that it had before, so no row must be signed again.
 */
export function coveredSince<T, M extends string>(
  sinceVersion: number,
  column: string,
  type: ColumnType<T>,
  ...macs: M[]
): Column<T, M> {
  return { column, type, macs, sinceVersion, uncovered: undefined };
}

/** A column that no MAC covers, for a reason. */
export function uncovered<T>(reason: UncoveredReason, column: string, type: ColumnType<T>): Column<T> {
  return { column, type, macs: [], sinceVersion: undefined, uncovered: reason };
}

/** The column of a MAC; null is read as empty bytes. */
export function mac(column = "mac"): Column<Uint8Array> {
  return uncovered("mac", column, macBytes);
}

export type Columns = Readonly<Record<string, Column<unknown, string>>>;

/** A row in the domain, by the names of its properties. */
export type RowOf<C extends Columns> = { [K in keyof C]: C[K] extends Column<infer T, string> ? T : never };

/** The properties that a MAC covers. */
export type CoveredRow<C extends Columns, M extends string> = {
  [K in keyof C as M extends C[K]["macs"][number] ? K : never]: C[K] extends Column<infer T, string> ? T : never;
};

/** The label of a MAC: `<name>/v<version>`. */
export interface MacLabel {
  name: string;
  /** Rows without a value in any `coveredSince` column have this version. */
  version: number;
}

export interface Table<C extends Columns> {
  name: string;
  /** The name of its rows in SQL. */
  alias: string;
  /** By the column that stores the MAC. */
  macs: Readonly<Record<string, MacLabel>>;
  columns: C;
  /** Columns that only SQL reads and writes, and why no MAC covers them. */
  internal: Readonly<Record<string, UncoveredReason>>;
}

const declared: Table<Columns>[] = [];

/** Declares a table. `internal` names the columns that only SQL uses. */
export function table<const C extends Columns>(
  name: string,
  alias: string,
  macs: Readonly<Record<string, MacLabel>>,
  columns: C,
  internal: Readonly<Record<string, UncoveredReason>> = {},
): Table<C> {
  const declaration = { name, alias, macs, columns, internal };
  declared.push(declaration);
  return declaration;
}

/** All declared tables. A test compares them with the database. */
export function everyTable(): readonly Table<Columns>[] {
  return declared;
}

/** The properties of a table but for the given ones, in the order of their declaration. */
export function propertiesBut<C extends Columns, K extends keyof C & string = never>(
  { columns }: Table<C>,
  ...left: readonly K[]
): Exclude<keyof C & string, K>[] {
  const isLeft = new Set<string>(left);
  return Object.keys(columns).filter((property) => !isLeft.has(property)) as Exclude<keyof C & string, K>[];
}

/** The properties that a MAC covers, in the order of their declaration. */
export function coveredProperties<C extends Columns, M extends string>(
  { columns }: Table<C>,
  mac: M,
): (keyof CoveredRow<C, M> & keyof C & string)[] {
  const isCovered = ([, { macs }]: [string, Columns[string]]) => macs.includes(mac);
  return Object.entries(columns)
    .filter(isCovered)
    .map(([property]) => property as keyof CoveredRow<C, M> & keyof C & string);
}
