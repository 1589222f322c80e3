// Permissions of EgressService, and its audit events and logs, which never hold a token or a value.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuditDecision } from "../../../gen/coffer/v1/audit_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { startCoffer, type TestCoffer } from "../../support/coffer.ts";
import { createEgressSecret } from "../../support/egress-secrets.ts";
import { denied, expectError } from "../../support/errors.ts";
import { entryOf, type JwtIssuer, startIssuer, writeIssuersFile } from "../../support/jwt-issuer.ts";
import { until } from "../../support/poll.ts";
import { byId, data, newName, present } from "../../support/secrets.ts";

let coffer: TestCoffer;
let issuer: JwtIssuer;
let removeFile: () => void;
beforeAll(async () => {
  issuer = await startIssuer();
  const { path, remove } = writeIssuersFile({ issuers: [entryOf(issuer)] });
  removeFile = remove;
  coffer = await startCoffer({ env: { COFFER_JWT_ISSUERS_FILE: path } });
});
afterAll(async () => {
  await coffer.close();
  await issuer.stop();
  removeFile();
});

const egress = (token?: string) => coffer.clients(token).egress;
const createSandbox = async (secrets: Record<string, string> = {}, token?: string) => {
  const { sandbox, ...others } = await egress(token).createSandbox({ name: newName(), secrets });
  return { ...present(sandbox), ...others };
};

describe("a principal with a JWT", () => {
  it("does what its role allows, on both surfaces, and has replays of its own", async () => {
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    const token = await issuer.sign({ workspaces: [workspaceId], access: { roles: ["work"] } });
    const { name } = await createEgressSecret(coffer);
    const made = await createSandbox({ KEY: name }, token);
    expect((await egress(token).getSandbox({ id: made.id })).sandbox?.secrets).toEqual(made.secrets);
    const post = (apiKey: string) =>
      coffer.fetch("/sandboxes", {
        token: null,
        json: { name: "jwt", secrets: { KEY: name } },
        headers: { "x-api-key": apiKey, "idempotency-key": "of-one-principal" },
      });
    const answers = [await post(token), await post(token), await post(coffer.ownerToken)];
    expect(answers.map(({ status, headers }) => [status, headers.get("idempotency-replayed")])).toEqual([
      [201, null],
      [201, "true"],
      [201, null],
    ]);
    const none = await issuer.sign({ workspaces: [], access: { roles: ["work"] } });
    await expectError(createSandbox({}, none), { code: "PermissionDenied" });
  });
});

describe("a denial", () => {
  it("is in the audit trail with the sandbox that it was about", async () => {
    const { id } = await createEgressSecret(coffer);
    const { id: sandboxId } = await createSandbox();
    const { apiToken, token } = await coffer.clients().tokens.createToken({ displayName: "v", role: Role.VIEWER });
    const { principalId } = present(apiToken);
    await expectError(egress(token).bindSecret({ sandboxId, envKey: "K", ...byId(id) }), denied("egress.bind"));
    await expectError(egress(token).unbindSecret({ sandboxId, envKey: "K" }), denied("egress.unbind"));
    await expectError(egress(token).deleteSandbox({ id: sandboxId }), denied("egress.delete"));
    const list = async () => (await coffer.clients().audit.listAuditEvents({ principalId })).auditEvents;
    await until("they are written", async () => (await list()).length === 3);
    const common = { decision: AuditDecision.DENY, resourceType: "sandbox", resourceId: sandboxId };
    const rules = ["egress.bind", "egress.delete", "egress.unbind"];
    const events = (await list()).toSorted((a, b) => a.rule.localeCompare(b.rule));
    expect(events).toMatchObject(rules.map((rule) => ({ ...common, rule })));
  });
});

it("no log line and no audit row holds a token, a placeholder or a value", async () => {
  const value = `value-of-${newName()}`;
  const { name, id } = await createEgressSecret(coffer, { value: data(value) });
  const options = { headers: { "idempotency-key": newName() } };
  const { token, sandbox } = await egress().createSandbox({ name: "box", secrets: { A: name } }, options);
  await egress().createSandbox({ name: "box", secrets: { A: name } }, options);
  const { binding } = await egress().bindSecret({ sandboxId: present(sandbox).id, envKey: "B", ...byId(id) });
  await expectError(egress().bindSecret({ sandboxId: present(sandbox).id, envKey: "B", ...byId(id) }), {
    reason: "ENV_KEY_TAKEN",
  });
  const tables = await Promise.all(
    ["audit_event", "idempotency", "sandbox", "secret"].map((table) => coffer.sql(`select * from ${table}`)),
  );
  const written = JSON.stringify(tables) + coffer.logLines.join();
  expect(written).toContain(present(sandbox).id);
  const placeholders = [present(sandbox).secrets[0]?.placeholder, binding?.placeholder];
  for (const text of [token, value, ...placeholders]) expect(written).not.toContain(present(text));
});
