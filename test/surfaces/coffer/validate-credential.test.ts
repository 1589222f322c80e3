// ValidateCredential on the real servers: succeeds, rejects, denies, conflicts, replays.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CredentialState } from "../../../gen/coffer/v1/secret_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { startCoffer, type TestCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, secretNotFound } from "../../support/errors.ts";
import { until } from "../../support/poll.ts";
import {
  addVersion,
  byId,
  byName,
  bytes,
  createSecret,
  data,
  getSecret,
  keyValues,
  newName,
  present,
  softDelete,
  timeOf,
  unknownSecretId,
} from "../../support/secrets.ts";
import { type Services, startServices } from "../../support/services.ts";

let services: Services;
let coffer: TestCoffer;
beforeAll(async () => {
  services = await startServices();
  coffer = await startCoffer({ env: services.env });
});
afterAll(async () => {
  await coffer.close();
  await services.close();
});

/** A Hetzner Cloud token, once its first try is noted. */
async function token(text: string) {
  const secret = await createSecret(coffer, { kind: "cloud_provider/hcloud", value: data(text) });
  await until("it is tried", async () => (await getSecret(coffer, secret)).validation?.validateTime !== undefined);
  return getSecret(coffer, secret);
}

const validate = (id: string, options = {}, as?: string) =>
  coffer.clients(as).secrets.validateCredential(byId(id), options);

describe("succeeds", () => {
  it("with the verdict of the service at this moment, by id and by name, and the etag stays", async () => {
    const secret = await token("good-now");
    const answer = present((await validate(secret.id)).secret);
    expect(answer).toMatchObject({ id: secret.id, etag: secret.etag, validation: { state: CredentialState.VALID } });
    expect(timeOf(answer.validation?.validateTime)).toBeGreaterThan(timeOf(secret.validation?.validateTime));
    expect(answer.updateTime).toEqual(secret.updateTime);
    await coffer.clients().secrets.validateCredential(byName(secret.name));
    expect(services.callsWith("good-now")).toHaveLength(3);
  });

  it("with a refusal, and with a service that tells nothing", async () => {
    const refused = present((await validate((await token("bad")).id)).secret);
    expect(refused.validation).toMatchObject({
      state: CredentialState.INVALID,
      error: expect.stringContaining("Hetzner"),
    });
    const silent = present((await validate((await token("500")).id)).secret);
    expect(silent.validation).toMatchObject({
      state: CredentialState.UNSPECIFIED,
      error: expect.stringContaining("500"),
    });
  });

  it("with the parts of a value, which win over fields of their names", async () => {
    const secret = await createSecret(coffer, {
      kind: "cloud_provider/aws",
      credentialFields: { aws_access_key_id: "AKIABAD0000000000000" },
      value: keyValues({ value: bytes("good-aws-secret/+"), aws_access_key_id: bytes("AKIAGOOD000000000000") }),
    });
    expect((await validate(secret.id)).secret?.validation?.state).toBe(CredentialState.VALID);
    expect(secret.credentialFields).toEqual({ aws_access_key_id: "AKIABAD0000000000000" });
  });

  it("after a try that is under way", async () => {
    const secret = await token("good-busy");
    await coffer.sql("update secret set validation_lease = now() + interval '1 second' where secret_id = $1", [
      secret.id,
    ]);
    const begin = performance.now();
    await validate(secret.id);
    expect(performance.now() - begin).toBeGreaterThan(800);
  });

  it("with its audit events, the first of them before the value leaves", async () => {
    const secret = await token("hang-audited");
    const events = () =>
      coffer.sql(
        "select rule, result, version_number, request_id from audit_event where resource_id = $1 and method like '%/ValidateCredential'",
        [secret.id],
      );
    const answer = validate(secret.id);
    await until("it is being tried", async () => services.callsWith("hang-audited").length === 2);
    const opened = { rule: "role:owner", result: "OK", version_number: 1 };
    expect(await events()).toMatchObject([opened]);
    await answer;
    const [first, second, ...others] = await events();
    expect([first, second]).toMatchObject([opened, opened]);
    expect(first?.["request_id"]).toBe(second?.["request_id"]);
    expect(others).toEqual([]);
  });
});

describe("rejects", () => {
  it("a request that names no secret, and names that are too long", async () => {
    const { secrets } = coffer.clients();
    await expectError(secrets.validateCredential({}), invalid("secret"));
    await expectError(secrets.validateCredential(byId("x".repeat(65))), invalid("id"));
    await expectError(secrets.validateCredential({ ...byName("n"), region: "elsewhere" }), invalid("region"));
  });

  it("secrets that are no credentials, have no version, or are deleted", async () => {
    const precondition = { code: "FailedPrecondition" };
    const generic = await createSecret(coffer);
    await expectError(validate(generic.id), {
      ...precondition,
      reason: "NO_CREDENTIAL",
      metadata: { kind: "generic" },
    });
    const disabled = await token("good");
    await coffer.clients().secrets.disableSecretVersion({ ...byId(disabled.id), version: "1" });
    await expectError(validate(disabled.id), { code: "NotFound", reason: "VERSION_NOT_FOUND" });
    const deleted = await token("good");
    await softDelete(coffer, deleted);
    await expectError(validate(deleted.id), { ...precondition, reason: "SECRET_SOFT_DELETED" });
  });

  it("everything, where validation is switched off", async () => {
    const off = await startCoffer({ besides: coffer, env: { COFFER_VALIDATION: "off" } });
    const { id } = await token("good");
    const call = off.clients().secrets.validateCredential(byId(id));
    await expectError(call, { code: "FailedPrecondition", reason: "VALIDATION_OFF" });
    await off.close();
  });

  it("fields that no credential of the kind has, when it is made", async () => {
    const { secrets } = coffer.clients();
    const make = (kind: string, credentialFields: Record<string, string>) =>
      secrets.createSecret({ name: newName(), kind, credentialFields, value: data("v") });
    const both = { username: "u", other: "o" };
    await expectError(
      make("cloud_provider/aws", both),
      invalid('credential_fields["username"]', 'credential_fields["other"]'),
    );
    await expectError(make("", { username: "u" }), invalid('credential_fields["username"]'));
    await expectError(make("oci_registry", { username: "" }), invalid('credential_fields["username"]'));
  });
});

describe("denies", () => {
  it("without secrets.use, whatever else the token may; and it is enough", async () => {
    const { id } = await token("good-denied");
    const others = ["secrets.read", "secrets.update", "versions.access", "versions.add"];
    const without = await coffer.tokenWithRole(Role.OWNER, others);
    await expectError(validate(id, {}, without), denied("secrets.use"));
    await expectError(validate(unknownSecretId, {}, without), denied("secrets.use"));
    await expectError(validate(id, {}, await coffer.tokenWithRole(Role.VIEWER)), denied("secrets.use"));
    expect(services.callsWith("good-denied")).toHaveLength(1);
    await validate(id, {}, await coffer.tokenWithRole(Role.OPERATOR, ["secrets.use"]));
    expect(services.callsWith("good-denied")).toHaveLength(2);
  });

  it("secrets of another workspace as it denies those that are not there", async () => {
    const { id } = await token("good-foreign");
    const { ownerToken } = await otherWorkspace(coffer);
    await expectError(validate(id, {}, ownerToken), secretNotFound);
    await expectError(validate(unknownSecretId), secretNotFound);
    expect(services.callsWith("good-foreign")).toHaveLength(1);
  });
});

describe("conflicts", () => {
  it("with a try of somebody else's that does not end: retry", async () => {
    const { id } = await token("good-stuck");
    await coffer.sql("update secret set validation_lease = now() + interval '1 minute' where secret_id = $1", [id]);
    await expectError(validate(id), { code: "Aborted", reason: "CONCURRENT_CHANGE", hasRetryInfo: true });
    expect(services.callsWith("good-stuck")).toHaveLength(1);
  });

  it("never with itself: calls at the same moment are tried one after the other", async () => {
    const { id } = await token("good-together");
    const answers = await Promise.all(Array.from({ length: 5 }, () => validate(id)));
    expect(answers.map(({ secret }) => secret?.validation?.state)).toEqual(Array(5).fill(CredentialState.VALID));
    expect(services.callsWith("good-together")).toHaveLength(6);
  });

  it("with a new version meanwhile: what is noted is about the version that was tried", async () => {
    const secret = await token("hang-old");
    const answer = validate(secret.id);
    await until("it is being tried", async () => services.callsWith("hang-old").length === 2);
    await addVersion(coffer, secret, "good-new");
    expect((await answer).secret?.validation).toMatchObject({ state: CredentialState.UNSPECIFIED, error: "" });
    expect((await validate(secret.id)).secret?.validation?.state).toBe(CredentialState.VALID);
  });
});

describe("replays", () => {
  it("with an idempotency key: one try, and the secret as it is now", async () => {
    const { id } = await token("good-replayed");
    const headers = { "idempotency-key": newName("key") };
    const replayed: (string | null)[] = [];
    const onHeader = (header: Headers) => void replayed.push(header.get("idempotency-replayed"));
    const first = await validate(id, { headers, onHeader });
    const second = await validate(id, { headers, onHeader });
    expect(replayed).toEqual([null, "true"]);
    expect(second).toEqual(first);
    expect(services.callsWith("good-replayed")).toHaveLength(2);
    const other = await token("good");
    await expectError(validate(other.id, { headers }), { reason: "IDEMPOTENCY_KEY_REUSED" });
  });
});
