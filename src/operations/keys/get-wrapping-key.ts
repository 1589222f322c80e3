// GetWrappingKey: returns the public key that wraps material for import.
import type { Caller } from "../../domain/workspace/caller.ts";
import { publicKeyPem } from "../../envelope/key-objects.ts";
import type { Deps } from "../../runtime/deps.ts";
import { authorize } from "../../steps/authorize.ts";
import { type ImportKeyDeps, importKeyOf } from "../../steps/keys/import-key.ts";
import { regionOf } from "../../steps/secrets/region.ts";

/** Returns the public key, SPKI in PEM. Fails with FIELD_INVALID for `region`. */
export async function getWrappingKey(
  deps: ImportKeyDeps & Pick<Deps, "regions">,
  caller: Caller,
  region: string,
): Promise<string> {
  const { workspaceId } = authorize(caller, "keys.create");
  using key = await importKeyOf(deps, { workspaceId, region: regionOf(deps, region) });
  return publicKeyPem({ key });
}
