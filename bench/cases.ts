// The compared cases: actions, protocols and numbers of concurrent requests.
import { restAccess } from "./requests.ts";

export type Protocol = "rest" | "connect-json" | "connect-binary" | "grpc";

export type Action =
  | "get value hot"
  | "get value uniform"
  | "get metadata"
  | "create 64 B"
  | "create 4 KiB"
  | "list 50"
  | "mixed 90/10";

export interface Case {
  action: Action;
  protocol: Protocol;
  concurrency: number;
}

const concurrencies = [1, 16, 64];

const everywhere: readonly Action[] = [
  "get value hot",
  "get value uniform",
  "create 64 B",
  "create 4 KiB",
  "list 50",
  "mixed 90/10",
];
const valuesOverRest: readonly Action[] = ["get value hot", "get value uniform", "mixed 90/10"];

const actions: Readonly<Record<Protocol, readonly Action[]>> = {
  rest: [...(restAccess ? valuesOverRest : []), "get metadata", "create 64 B", "create 4 KiB"],
  "connect-json": everywhere,
  "connect-binary": everywhere,
  // The load generator repeats one body: no keys that differ, no names that are new.
  grpc: ["get value hot", "list 50"],
};

const protocols: readonly Protocol[] = ["rest", "connect-json", "connect-binary", "grpc"];

export function nameOf({ action, protocol, concurrency }: Case): string {
  return `${action} ${protocol} c=${concurrency}`;
}

/** The cases whose name has one of the texts in it that `only` names, separated by commas. */
export function casesWith(only: string): Case[] {
  return protocols
    .flatMap((protocol) => actions[protocol].map((action) => ({ protocol, action })))
    .flatMap((both) => concurrencies.map((concurrency) => ({ ...both, concurrency })))
    .filter((one) => only.split(",").some((part) => nameOf(one).includes(part)));
}

/** The one that a quick run compares. */
export const quickCase: Case = {
  action: "get value uniform",
  protocol: restAccess ? "rest" : "connect-json",
  concurrency: 64,
};
