// Proof of an authorization, which functions that hand out ciphertext demand.
import type { Permission } from "./permission.ts";

declare const minted: unique symbol;

/** Says that a caller holds permission `P` in a workspace. Only `authorize()` makes one. */
export interface Grant<P extends Permission> {
  readonly permission: P;
  readonly workspaceId: string;
  /** What allowed it, for the audit trail. */
  readonly rule: string;
  readonly [minted]: true;
}
