// CreateSecret, on the real servers.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SecretState } from "../../../gen/coffer/v1/secret_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { startCoffer, type TestCoffer } from "../../support/coffer.ts";
import { errorOf } from "../../support/errors.ts";

let coffer: TestCoffer;
beforeAll(async () => {
  coffer = await startCoffer();
});
afterAll(() => coffer.close());

const data = (text: string) => ({ case: "data", value: new TextEncoder().encode(text) }) as const;

describe("succeeds", () => {
  it("returns the secret with every field that was given, and no value", async () => {
    const { secrets } = coffer.clients();
    const { secret } = await secrets.createSecret({
      name: "team/app/db",
      description: "the database",
      labels: { env: "prod" },
      annotations: { owner: "me" },
      mimeType: "text/plain",
      value: data("hunter2"),
    });
    expect(secret).toMatchObject({
      name: "team/app/db",
      path: "/team/app/db",
      region: "default",
      kind: "generic",
      description: "the database",
      labels: { env: "prod" },
      annotations: { owner: "me" },
      mimeType: "text/plain",
      state: SecretState.ACTIVE,
      versionCount: 1,
      enabledVersionCount: 1,
      currentVersion: 1,
      revealable: true,
      etag: "1",
    });
    expect(secret?.id).toMatch(/^sec_[0-9a-z]{26}$/);
    expect(JSON.stringify(secret, (_, value) => (typeof value === "bigint" ? String(value) : value))).not.toContain(
      "hunter2",
    );
  });
});

describe("rejects", () => {
  it.each(["", "/", "a//b", "a/./b", "../a", "a/", "a\u0000b", "a\tb", "e\u0301", "x".repeat(513)])(
    "the name %j, and names the field",
    async (name) => {
      const seen = await errorOf(coffer.clients().secrets.createSecret({ name, value: data("v") }));
      expect(seen).toMatchObject({ code: "InvalidArgument", reason: "FIELD_INVALID", fields: ["name"] });
    },
  );
});

describe("denies", () => {
  it("a viewer, naming the permission that is missing", async () => {
    const viewer = await coffer.tokenWithRole(Role.VIEWER);
    const seen = await errorOf(coffer.clients(viewer).secrets.createSecret({ name: "x", value: data("v") }));
    expect(seen).toMatchObject({
      code: "PermissionDenied",
      reason: "PERMISSION_MISSING",
      metadata: { permission: "secrets.create" },
    });
  });
});
