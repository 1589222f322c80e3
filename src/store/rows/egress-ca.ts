// The row of a workspace's certificate authority. Its MAC covers the certificate that sandboxes trust; its private key is sealed.
import { bytes, integer, text } from "./column-types.ts";
import { covered, mac, type RowOf, table, uncovered } from "./table.ts";

export const egressCaTable = table(
  "egress_ca",
  "c",
  { mac: { name: "egress_ca", version: 1 } },
  {
    workspaceId: covered("workspace_id", text, "mac"),
    caId: covered("ca_id", text, "mac"),
    /** PEM. */
    certificate: covered("certificate", text, "mac"),
    kmsKeyId: covered("kms_key_id", text, "mac"),
    kmsKeyVersion: covered("kms_key_version", integer, "mac"),
    envelope: uncovered("sealed", "envelope", bytes),
    mac: mac(),
  },
  { create_time: "shown" },
);

export type StoredEgressCa = RowOf<typeof egressCaTable.columns>;
