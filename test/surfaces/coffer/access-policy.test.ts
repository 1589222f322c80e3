// Access policies on the real servers: values go out and come in only from where and when a secret's policy lets them.
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { SecretService } from "../../../gen/coffer/v1/secret_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import {
  ALLOW,
  believingEnv,
  DENY,
  deniedBy,
  elsewhere,
  hoursFromNow,
  ipIs,
  office,
  onlyOffice,
  secretsFrom,
  setPolicy,
} from "../../support/access-policies.ts";
import { akuaFailure } from "../../support/akua.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, secretNotFound } from "../../support/errors.ts";
import { twice, withKey } from "../../support/replay.ts";
import {
  addVersion,
  byId,
  byName,
  createSecret,
  data,
  getSecret,
  newName,
  readText,
  softDelete,
  textOf,
  unknownSecretId,
} from "../../support/secrets.ts";
import { protocols, transportFor } from "../../support/transports.ts";

const coffer = useCoffer({ env: believingEnv });

const eventsOf = (id: string) =>
  coffer.sql(
    "select decision, rule, result, address from audit_event where resource_id = $1 and method like '%Value%' order by event_time, event_id",
    [id],
  );

describe("a value", () => {
  it.each(protocols)("is read, denied and read again over %s", async (protocol) => {
    const { id } = await createSecret(coffer, { accessPolicy: onlyOffice });
    const secrets = createClient(SecretService, transportFor(protocol, coffer.url, coffer.ownerToken));
    const from = (address: string) => ({ headers: { "x-forwarded-for": address } });
    expect(textOf(await secrets.getSecretValue(byId(id), from(office)))).toBe("v1");
    await expectError(secrets.getSecretValue(byId(id), from(elsewhere)), deniedBy(id, "none"));
    await expectError(
      secrets.addSecretVersion({ ...byId(id), value: data("v2") }, from(elsewhere)),
      deniedBy(id, "none"),
    );
    await setPolicy(coffer, id, { conditions: [ipIs(ALLOW, "0.0.0.0/0"), ipIs(DENY, office)] });
    await expectError(secrets.getSecretValue(byId(id), from(office)), deniedBy(id, "conditions[1]"));
    expect(textOf(await secrets.getSecretValue(byId(id), from(elsewhere)))).toBe("v1");
    await setPolicy(coffer, id);
    expect(textOf(await secrets.getSecretValue(byId(id), from(office)))).toBe("v1");
    expect(await getSecret(coffer, { id })).toMatchObject({ versionCount: 1, etag: "3" });
  });

  it("is denied by Akua's :access as documented there, and returned where the policy allows it", async () => {
    const { id } = await createSecret(coffer, { accessPolicy: onlyOffice });
    const path = `/v1/secrets/${id}/versions/latest:access`;
    const from = (address: string) => ({ method: "POST", headers: { "x-forwarded-for": address } });
    const failure = await akuaFailure(coffer, path, from(elsewhere));
    expect(failure).toMatchObject({ status: 403, reason: "ACCESS_POLICY_DENIED", metadata: { condition: "none" } });
    const add = `/v1/secrets/${id}/versions`;
    expect(await akuaFailure(coffer, add, { ...from(elsewhere), json: { value: "v2" } })).toMatchObject({
      status: 403,
      reason: "ACCESS_POLICY_DENIED",
    });
    expect(await (await coffer.fetch(path, from(office))).json()).toEqual({ value: "v1" });
    expect((await coffer.fetch(add, { ...from(office), json: { value: "v2" } })).status).toBe(201);
    expect(await (await coffer.fetch(path, from(office))).json()).toEqual({ value: "v2" });
  });

  it("is judged by the clock of the database, in hours that allow and hours that deny", async () => {
    const { id } = await createSecret(coffer, { accessPolicy: { conditions: [hoursFromNow(ALLOW, -1, 3)] } });
    expect(await readText(coffer, { id })).toBe("v1");
    await setPolicy(coffer, id, { conditions: [hoursFromNow(ALLOW, 6, 9)] });
    await expectError(readText(coffer, { id }), deniedBy(id, "none"));
    // An address is another way in.
    await setPolicy(coffer, id, { conditions: [hoursFromNow(ALLOW, 6, 9), ipIs(ALLOW, "127.0.0.1")] });
    expect(await readText(coffer, { id })).toBe("v1");
    await setPolicy(coffer, id, { conditions: [hoursFromNow(DENY, -1, 3), ipIs(ALLOW, "127.0.0.1")] });
    await expectError(readText(coffer, { id }), deniedBy(id, "conditions[0]"));
  });

  it("is denied before a caller learns anything of its versions, and no permission is shown instead", async () => {
    const { id, name } = await createSecret(coffer, { accessPolicy: onlyOffice });
    const outside = secretsFrom(coffer, elsewhere);
    for (const version of ["1", "7", "stable"]) {
      await expectError(outside.getSecretValue({ ...byName(name), version }), deniedBy(id, "none"));
    }
    const viewer = coffer.clients(await coffer.tokenWithRole(Role.VIEWER)).secrets;
    await expectError(viewer.getSecretValue(byId(id)), denied("versions.access"));
    await softDelete(coffer, { id });
    await expectError(outside.getSecretValue(byId(id)), secretNotFound);
    await expectError(outside.getSecretValue(byId(unknownSecretId)), secretNotFound);
  });

  it("of a batch is denied alone", async () => {
    const open = await createSecret(coffer);
    const guarded = await createSecret(coffer, { accessPolicy: onlyOffice });
    const { results } = await secretsFrom(coffer, elsewhere).batchGetSecretValues({
      requests: [byId(open.id), byId(guarded.id), byName(open.name)],
    });
    const seen = results.map(({ result }) =>
      result.case === "error"
        ? result.value.details.map((detail) => anyUnpack(detail, ErrorInfoSchema)?.reason)
        : result.case,
    );
    expect(seen).toEqual(["value", ["ACCESS_POLICY_DENIED"], "value"]);
    expect(await eventsOf(guarded.id)).toEqual([
      { decision: "DENY", rule: "access_policy:none", result: "ACCESS_POLICY_DENIED", address: elsewhere },
    ]);
  });

  it("has its event in the audit trail before it leaves, and a denial has one that names the condition", async () => {
    const { id } = await createSecret(coffer, { accessPolicy: onlyOffice });
    await secretsFrom(coffer, office).getSecretValue(byId(id));
    expect(await eventsOf(id)).toEqual([{ decision: "ALLOW", rule: "role:owner", result: "OK", address: office }]);
    await expectError(secretsFrom(coffer, elsewhere).getSecretValue(byId(id)), deniedBy(id, "none"));
    const denial = { decision: "DENY", rule: "access_policy:none", result: "ACCESS_POLICY_DENIED", address: elsewhere };
    await expect.poll(() => eventsOf(id)).toEqual([expect.objectContaining({ result: "OK" }), denial]);
  });

  it("does not leave when its event cannot be written", async () => {
    const { id } = await createSecret(coffer, { accessPolicy: onlyOffice });
    await coffer.sql(`alter table audit_event add constraint full_disk check (resource_id <> $$${id}$$) not valid`);
    try {
      await expectError(secretsFrom(coffer, office).getSecretValue(byId(id)), { reason: "AUDIT_UNAVAILABLE" });
    } finally {
      await coffer.sql("alter table audit_event drop constraint full_disk");
    }
  });
});

describe("a new version", () => {
  it("is not added, with nothing of it left behind", async () => {
    const { id } = await createSecret(coffer, { accessPolicy: onlyOffice });
    const key = newName("key");
    const headers = { headers: { "idempotency-key": key } };
    const request = { ...byId(id), value: data("v2") };
    await expectError(secretsFrom(coffer, elsewhere).addSecretVersion(request, headers), deniedBy(id, "none"));
    expect(await getSecret(coffer, { id })).toMatchObject({ versionCount: 1, etag: "1" });
    expect(await coffer.sql("select * from idempotency where key = $1", [key])).toEqual([]);
    const { version } = await secretsFrom(coffer, office).addSecretVersion(request, headers);
    expect(version?.versionNumber).toBe(2);
  });

  it("is denied before a caller learns what else is wrong with it", async () => {
    const { id, name } = await createSecret(coffer, {
      kind: "webhook_signing",
      value: data("long enough for it"),
      accessPolicy: onlyOffice,
    });
    const add = (address: string, ref: ReturnType<typeof byId> | ReturnType<typeof byName>) =>
      secretsFrom(coffer, address).addSecretVersion({ ...ref, value: data("short") });
    await expectError(add(office, byId(id)), invalid("data"));
    await expectError(add(elsewhere, byId(id)), deniedBy(id, "none"));
    await expectError(add(elsewhere, byName(name)), deniedBy(id, "none"));
    await softDelete(coffer, { id });
    await expectError(add(elsewhere, byName(name)), secretNotFound);
    await expectError(add(elsewhere, byId(unknownSecretId)), secretNotFound);
  });

  it("is judged again when the call is replayed", async () => {
    const { id } = await createSecret(coffer, { accessPolicy: onlyOffice });
    const add = (address: string, key: string) =>
      withKey(key, (options) =>
        secretsFrom(coffer, address).addSecretVersion({ ...byId(id), value: data("v2") }, options),
      );
    const key = newName("key");
    expect((await add(office, key)).replayed).toBe(false);
    expect((await add(office, key)).replayed).toBe(true);
    await expectError(add(elsewhere, key), deniedBy(id, "none"));
    await setPolicy(coffer, id);
    expect((await add(elsewhere, key)).replayed).toBe(true);
    expect((await getSecret(coffer, { id })).versionCount).toBe(2);
  });
});

describe("everything else", () => {
  it("is not judged: what describes a secret, its versions' states, its end", async () => {
    const secret = await createSecret(coffer, { accessPolicy: { conditions: [ipIs(DENY, "0.0.0.0/0", "::/0")] } });
    const { id, name } = secret;
    const { secrets } = coffer.clients();
    await expectError(readText(coffer, secret), deniedBy(id, "conditions[0]"));
    await expectError(addVersion(coffer, secret, "v2"), deniedBy(id, "conditions[0]"));
    expect((await getSecret(coffer, { id })).name).toBe(name);
    expect((await secrets.listSecrets({ namePrefix: name })).secrets.map((listed) => listed.accessPolicy)).toEqual([
      secret.accessPolicy,
    ]);
    expect((await secrets.updateSecret({ secret: { id, description: "d" } })).secret?.accessPolicy).toEqual(
      secret.accessPolicy,
    );
    expect((await secrets.listSecretVersions(byId(id))).versions).toHaveLength(1);
    await secrets.disableSecretVersion({ ...byId(id), version: "1" });
    await secrets.enableSecretVersion({ ...byId(id), version: "1" });
    await softDelete(coffer, { id });
    await secrets.undeleteSecret({ id });
    await expectError(readText(coffer, secret), deniedBy(id, "conditions[0]"));
    await secrets.destroySecretVersion({ ...byId(id), version: "1" });
  });

  it("keeps a policy on a replay of CreateSecret", async () => {
    const request = { name: newName(), value: data("v"), accessPolicy: onlyOffice };
    const { first, second } = await twice(newName("key"), (options) =>
      coffer.clients().secrets.createSecret(request, options),
    );
    expect([first.replayed, second.replayed]).toEqual([false, true]);
    expect(second.answer.secret).toEqual(first.answer.secret);
    expect(first.answer.secret?.accessPolicy?.conditions).toMatchObject([
      { effect: ALLOW, condition: { case: "ip", value: { cidrs: ["203.0.113.0/24"] } } },
    ]);
  });
});
