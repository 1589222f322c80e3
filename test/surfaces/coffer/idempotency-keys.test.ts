// The scope of idempotency keys, and the keys that are refused, on the real servers.
import type { CallOptions } from "@connectrpc/connect";
import { beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { issueBroadToken, otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, unauthenticated } from "../../support/errors.ts";
import { twice, withKey } from "../../support/replay.ts";
import { byId, byName, countSecrets, createSecret, data, newName, present } from "../../support/secrets.ts";

const coffer = useCoffer();
let keys = 0;
const newKey = () => `key ${++keys}`;
const keyReused = (key: string) => ({
  code: "FailedPrecondition",
  reason: "IDEMPOTENCY_KEY_REUSED",
  metadata: { idempotency_key: key },
});

describe("keeps apart", () => {
  it("principals, workspaces and methods that use the same key", async () => {
    const key = newKey();
    const other = await otherWorkspace(coffer);
    const broad = await issueBroadToken(coffer);
    const operator = await coffer.tokenWithRole(Role.OPERATOR);
    const names = [newName(), newName(), newName()];
    for (const [index, [token, workspaceId]] of (
      [
        [coffer.ownerToken, ""],
        [operator, ""],
        [broad, other.workspaceId],
      ] as const
    ).entries()) {
      const { secrets } = coffer.clients(token);
      const request = { name: names[index] as string, value: data("v"), workspaceId };
      expect((await withKey(key, (options) => secrets.createSecret(request, options))).replayed).toBe(false);
    }
    const { secrets } = coffer.clients();
    const deleted = await withKey(key, (options) => secrets.deleteSecret(byName(names[0] as string), options));
    expect(deleted.replayed).toBe(false);
    // Another token of the same principal is the same scope.
    const { token } = await coffer.clients().tokens.createToken({ displayName: "second" });
    const request = { name: names[0] as string, value: data("v") };
    const again = await withKey(key, (options) => coffer.clients(token).secrets.createSecret(request, options));
    expect(again.replayed).toBe(true);
  });

  it("calls that read: a key means nothing to them", async () => {
    const { id } = await createSecret(coffer);
    const { secrets } = coffer.clients();
    const key = newKey();
    const reads: ((options: CallOptions) => Promise<unknown>)[] = [
      (options) => secrets.getSecret(byId(id), options),
      (options) => secrets.getSecretValue(byId(id), options),
      (options) => secrets.listSecrets({}, options),
    ];
    for (const read of reads) {
      expect((await twice(key, read)).second.replayed).toBe(false);
    }
  });
});

describe("rejects", () => {
  let name: string;
  const key = "used";
  beforeAll(async () => {
    name = newName();
    const { secrets } = coffer.clients();
    await withKey(key, (options) => secrets.createSecret({ name, value: data("v") }, options));
  });

  it.each([
    ["another value", { value: data("w") }],
    ["another name", { name: "/another" }],
    ["another description", { description: "d" }],
    ["another label", { labels: { a: "b" } }],
    ["a field more", { revealable: true }],
  ])("the key of another request: with %s", async (_, change) => {
    const { secrets } = coffer.clients();
    const request = { name, value: data("v"), ...change };
    await expectError(
      withKey(key, (options) => secrets.createSecret(request, options)),
      keyReused(key),
    );
    expect(await countSecrets(coffer, "another")).toBe(0);
  });

  it.each(["", '""', "k".repeat(65), "tab\tbed", "é", `"${"k".repeat(65)}"`])("the key %j", async (bad) => {
    const response = await coffer.fetch("/coffer.v1.SecretService/CreateSecret", {
      headers: { "idempotency-key": bad },
      json: { name: newName(), data: "dg==" },
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("idempotency-key");
  });

  it("a key that is too long, naming the header", async () => {
    const { secrets } = coffer.clients();
    const call = (options: CallOptions) => secrets.createSecret({ name: newName(), value: data("v") }, options);
    await expectError(withKey("k".repeat(65), call), invalid("idempotency-key"));
  });
});

describe("denies", () => {
  it("a replay to who may no longer make the call", async () => {
    const { apiToken, token } = await coffer.clients().tokens.createToken({ displayName: "t", role: Role.OPERATOR });
    const request = { name: newName(), value: data("v") };
    const key = newKey();
    const call = (caller: string) =>
      withKey(key, (options) => coffer.clients(caller).secrets.createSecret(request, options));
    await call(token);
    await coffer.clients().tokens.revokeToken({ id: present(apiToken).id });
    await expectError(call(token), unauthenticated);
    // The same principal with a token that reads only.
    const owner = { name: newName(), value: data("v") };
    const ownersKey = newKey();
    await withKey(ownersKey, (options) => coffer.clients().secrets.createSecret(owner, options));
    const reader = await coffer.clients().tokens.createToken({ displayName: "reader", scopes: ["secrets.read"] });
    await expectError(
      withKey(ownersKey, (options) => coffer.clients(reader.token).secrets.createSecret(owner, options)),
      denied("secrets.create"),
    );
  });
});
