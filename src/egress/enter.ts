// Lets a sandbox in, by its token and within its request limit.
import type { Refusal } from "../domain/egress/refusal.ts";
import type { JudgedSandbox } from "../domain/egress/sandbox.ts";
import { authenticateSandbox } from "../operations/egress/authenticate-sandbox.ts";
import type { EgressParts } from "./parts.ts";

export interface Entered {
  sandbox: JudgedSandbox;
  /** Its request is one too many. */
  refusal?: Refusal;
}

/** Counts one request of the sandbox, whatever becomes of it. Undefined for a token that is not valid at this address. */
export async function enter(parts: EgressParts, token: string, address: string): Promise<Entered | undefined> {
  const sandbox = await authenticateSandbox(parts, token, address);
  if (!sandbox) return undefined;
  const counted = await parts.sandboxUsage.begin(`${sandbox.workspaceId} ${sandbox.sandboxId}`, {});
  return "code" in counted ? { sandbox, refusal: counted } : { sandbox };
}
