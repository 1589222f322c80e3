// The proof of an authorization. Functions that return ciphertext require one.
import type { Permission } from "./permission.ts";

declare const minted: unique symbol;

/** Proves that a caller holds permission `P` in a workspace. Only `authorize()` makes one. */
export interface Grant<P extends Permission> {
  readonly permission: P;
  readonly workspaceId: string;
  /** The role or rule that allowed it, for the audit trail. */
  readonly rule: string;
  readonly [minted]: true;
}
