// The name of a secret in a request: its id, or its name within a region.

import type { SecretRef } from "../../domain/secret/secret.ts";
import type { Deps } from "../../runtime/deps.ts";
import { regionOf } from "./region.ts";

/** An empty region is the default one. */
export type SecretRefInput = { id: string } | { name: string; region: string };

export function refOf(deps: Pick<Deps, "regions">, input: SecretRefInput): SecretRef {
  return "id" in input
    ? { by: "id", secretId: input.id }
    : { by: "name", name: input.name, region: regionOf(deps, input.region) };
}
