// Changes every covered column of every guarded table by SQL, whatever its name is: the row does not authenticate any more.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { chainEvent, sealMac } from "../../src/integrity/audit-chain.ts";
import { covering } from "../../src/integrity/covering.ts";
import { coveredOfAuditCut, isAuthentic, macOf } from "../../src/integrity/row-macs.ts";
import { sealAuditEvents } from "../../src/jobs/seal-audit-events.ts";
import { workspaceCa } from "../../src/steps/egress/workspace-ca.ts";
import { putAuditCut } from "../../src/store/audit-cut.ts";
import { type SealedEvent, storedSeal } from "../../src/store/audit-seals.ts";
import { storedEvent } from "../../src/store/list-audit-events.ts";
import { auditEventTable } from "../../src/store/rows/audit-event.ts";
import type { AuditSeal } from "../../src/store/rows/audit-seal.ts";
import { type DriverRow, type Selection, select } from "../../src/store/rows/select.ts";
import { type Columns, everyTable, propertiesBut, type Table } from "../../src/store/rows/table.ts";
import { createRule, newMember } from "../support/access.ts";
import { onlyOffice, setPolicy } from "../support/access-policies.ts";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { createEgressSecret } from "../support/egress-secrets.ts";
import { run } from "../support/jobs.ts";
import { createKey } from "../support/keys.ts";
import { until } from "../support/poll.ts";
import { sandboxCalls } from "../support/sandboxes.ts";
import { createSecret, data, keyValues, newName, present } from "../support/secrets.ts";
import { storageCredentials } from "../support/storage-credentials.ts";
import { anotherValue, dropRefusals } from "../support/tampering.ts";
import { connectionTo, createConnection, localVaults } from "../support/vault-connections.ts";
import { referenceTo, startVaultService, type VaultService } from "../support/vault-services.ts";

let coffer: TestCoffer;
let vault: VaultService;
beforeAll(async () => {
  vault = await startVaultService("doppler", "dp.st.prd.token");
  coffer = await startCoffer({ env: localVaults });
  await writeRows();
});
afterAll(async () => {
  await coffer.close();
  await vault.close();
});

/** At least one row of each guarded table, as coffer writes it; with a value in every covered column where one row can have it. */
async function writeRows(): Promise<void> {
  const { secrets, tokens } = coffer.clients();
  const { workspaceId } = await tokens.whoAmI({});
  const expiration = { case: "ttl", value: { seconds: 3600n } } as const;
  const secret = await createEgressSecret(coffer, { name: newName("app/victim"), value: data("v"), expiration });
  await secrets.updateSecret({ secret: { id: secret.id, versionAliases: { old: 1 } } });
  await setPolicy(coffer, secret.id, onlyOffice);
  const { kind, authMethod, fields } = present(storageCredentials[0]);
  const parts = Object.entries(fields).map(([name, text]) => [name, Buffer.from(text)] as const);
  await createSecret(coffer, { kind, authMethod, value: keyValues(Object.fromEntries(parts)) });
  const member = await newMember(coffer, ["secrets.list"]);
  await createRule(coffer, {
    subject: { case: "principalId", value: member.principalId },
    ...{ permissions: ["secrets.list"], pathPatterns: ["/app/*"], region: "default" },
  });
  await createRule(coffer, { subject: { case: "role", value: Role.VIEWER }, permissions: ["secrets.list"] });
  const { apiToken } = await tokens.createToken({ displayName: "t", role: Role.VIEWER, expiration });
  await tokens.revokeToken({ id: present(apiToken).id });
  await createKey(coffer, { exportAllowed: true });
  const { createSandbox, bind } = sandboxCalls(coffer);
  const limits = { sourceAddress: "192.0.2.1", network: { allowOut: ["api.example.com"] } };
  await bind((await createSandbox(limits)).id, "KEY", secret.id);
  vault.values.set("KEY", "value");
  const { id: vaultConnectionId } = await createConnection(coffer, connectionTo(vault));
  const fieldMappings = { key: referenceTo("doppler", "KEY") };
  await createSecret(coffer, { value: { case: "reference", value: { vaultConnectionId, fieldMappings } } });
  await workspaceCa(coffer.deps, workspaceId);
  await coffer.deps.database.transaction(async (tx) => {
    const cut = { beforeTime: new Date("2026-01-01T00:00:00Z") };
    await putAuditCut(tx, { ...cut, mac: macOf(coffer.deps.deploymentKeys, coveredOfAuditCut(cut)) });
  });
  await coffer.deps.audit.drain();
  // Events are sealed once all older transactions of the server have ended, also those of other test files.
  await until("events are sealed", async () => {
    await run(coffer, sealAuditEvents);
    return (await coffer.sql("select from audit_seal limit 1")).length > 0;
  });
}

interface Guard {
  table: Table<Columns>;
  mac: string;
  selection: Selection<Record<string, unknown>>;
  /** Returns whether a row has the MAC that coffer gave to `original`. */
  authenticates(row: Record<string, unknown>, original: Record<string, unknown>): boolean;
}

/** The events and seals of the audit trail form a chain: their MACs cover the one before. */
const previous = new Uint8Array([1]);
const hex = (mac: Uint8Array) => Buffer.from(mac).toString("hex");
const chains: Readonly<Record<string, Pick<Guard, "selection"> & { link(row: Record<string, unknown>): string }>> = {
  audit_event: {
    selection: select(auditEventTable, propertiesBut(auditEventTable), {
      expressions: { event_time: present(storedEvent.expressions.find((each) => each.includes("event_time"))) },
    }),
    link: (row) => hex(chainEvent(coffer.deps.deploymentKeys, previous, row as unknown as SealedEvent)),
  },
  audit_seal: {
    selection: storedSeal,
    link: (row) => hex(sealMac(coffer.deps.deploymentKeys, row as unknown as AuditSeal, previous)),
  },
};

function guardOf(table: Table<Columns>, mac: string): Guard {
  const chain = chains[table.name];
  if (chain) {
    const authenticates: Guard["authenticates"] = (row, original) => chain.link(row) === chain.link(original);
    return { table, mac, selection: chain.selection, authenticates };
  }
  const [macProperty] = present(Object.entries(table.columns).find(([, { column }]) => column === mac));
  const covered = covering(table, mac);
  return {
    ...{ table, mac },
    selection: select(table, propertiesBut(table)),
    authenticates: (row) =>
      isAuthentic(coffer.deps.deploymentKeys, covered(row), (row[macProperty] as Uint8Array | undefined) ?? previous),
  };
}

const guards = everyTable().flatMap((table) => Object.keys(table.macs).map((mac) => guardOf(table, mac)));
const changes = guards.flatMap((guard) =>
  Object.values(guard.table.columns)
    .filter(({ macs }) => (macs as readonly string[]).includes(guard.mac))
    .map(({ column }) => ({ guard, column, title: `${guard.table.name}.${column} under ${guard.mac}` })),
);

let changesMade = 0;
const undo = new Error("the change is undone");

/** Returns the rows that authenticated before the change, and after it, in a transaction that is undone. */
async function changed({ table, selection, authenticates }: Guard, column: string, expression: string) {
  const result = { before: 0, after: 0 };
  const { name, alias } = table;
  await coffer.deps.database
    .transaction(async (tx) => {
      const rows = await tx.query<DriverRow & { place: string; part: string }>({
        name: `rows_of_${name}`,
        text: `select ${selection.sql}, ${alias}.ctid::text as place, ${alias}.tableoid::regclass::text as part from ${name} ${alias}`,
        values: [],
      });
      for (const row of rows) {
        const original = selection.read(row);
        if (!authenticates(original, original)) continue;
        const [next] = await tx.query<DriverRow>({
          name: `change_${++changesMade}`,
          text: `update ${name} ${alias} set ${column} = ${expression}
            where ${alias}.ctid = $1::tid and ${alias}.tableoid = $2::regclass
              and (${expression}) is distinct from ${alias}.${column} returning ${selection.sql}`,
          values: [row.place, row.part],
        });
        if (!next) continue;
        result.before++;
        if (authenticates(selection.read(next), original)) result.after++;
      }
      throw undo;
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error;
    });
  return result;
}

describe("a row that SQL changed", () => {
  beforeAll(() => dropRefusals(coffer));

  it.each(changes)("does not authenticate with another $title", async ({ guard, column }) => {
    const { another, nullable } = await anotherValue(coffer, guard.table.name, column, guard.table.alias);
    const { before, after } = await changed(guard, column, another);
    expect({ after, isTried: before > 0 }).toEqual({ after: 0, isTried: true });
    if (!nullable) return;
    expect(await changed(guard, column, "null")).toMatchObject({ after: 0 });
  });
});
