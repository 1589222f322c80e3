// Finds the region of a request.

import { invalidField } from "../../domain/error/errors.ts";
import type { Deps } from "../../runtime/deps.ts";

/** Returns the named region, or the default one for an empty name. Fails with FIELD_INVALID. */
export function regionOf({ regions }: Pick<Deps, "regions">, name: string): string {
  if (name === "") return regions[0];
  if (regions.includes(name)) return name;
  throw invalidField("region", `must be one of ${regions.join(", ")}`);
}
