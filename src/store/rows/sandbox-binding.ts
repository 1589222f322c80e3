// The row of a binding of a secret to a sandbox. Its MAC covers all of it but its times.
import type { Binding } from "../../domain/egress/sandbox.ts";
import { optional, text } from "./column-types.ts";
import { covered, coveredSince, mac, table } from "./table.ts";

export const bindingTable = table(
  "sandbox_binding",
  "i",
  { mac: { name: "sandbox_binding", version: 1 } },
  {
    workspaceId: covered("workspace_id", text, "mac"),
    sandboxId: covered("sandbox_id", text, "mac"),
    envKey: covered("env_key", text, "mac"),
    secretId: covered("secret_id", text, "mac"),
    placeholder: covered("placeholder", text, "mac"),
    boundBy: coveredSince(2, "bound_by", optional(text), "mac"),
    mac: mac(),
  },
  { create_time: "shown", revoke_time: "revoked" },
);

export interface StoredBinding extends Binding {
  mac: Uint8Array;
}
