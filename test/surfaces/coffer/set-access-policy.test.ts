// SetAccessPolicy, on the real servers.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { AccessEffect } from "../../../gen/coffer/v1/access_policy_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { ALLOW, DENY, hoursFromNow, ipIs, onlyOffice, setPolicy } from "../../support/access-policies.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, secretNotFound, staleEtag, unauthenticated } from "../../support/errors.ts";
import { twice, withKey } from "../../support/replay.ts";
import {
  byId,
  byName,
  countSecrets,
  createSecret,
  data,
  getSecret,
  newName,
  present,
  softDelete,
  unknownSecretId,
} from "../../support/secrets.ts";

const coffer = useCoffer();

type SetRequest = Parameters<ReturnType<typeof coffer.clients>["access"]["setAccessPolicy"]>[0];
const set = (request: SetRequest, token?: string) => coffer.clients(token).access.setAccessPolicy(request);

describe("succeeds", () => {
  it("sets, changes and clears the policy, and counts each change", async () => {
    const created = await createSecret(coffer);
    expect(created.accessPolicy).toBeUndefined();
    const { id } = created;
    const first = await setPolicy(coffer, id, { conditions: [ipIs(ALLOW, "::FFFF:192.0.2.1", "2001:DB8::/32")] });
    expect(first.accessPolicy?.conditions).toMatchObject([ipIs(ALLOW, "192.0.2.1/32", "2001:db8::/32")]);
    expect(first).toEqual({ ...created, etag: "2", updateTime: first.updateTime, accessPolicy: first.accessPolicy });
    const conditions = [hoursFromNow(DENY, 6, 9), ipIs(ALLOW, "0.0.0.0/0")];
    const second = await setPolicy(coffer, id, { conditions });
    expect(second.accessPolicy?.conditions).toMatchObject(conditions);
    expect(await getSecret(coffer, created)).toEqual(second);
    const third = await setPolicy(coffer, id);
    expect(third).toEqual({ ...created, etag: "4", updateTime: third.updateTime });
    expect(await coffer.sql("select access_policy from secret where secret_id = $1", [id])).toEqual([
      { access_policy: null },
    ]);
  });

  it("finds the secret by name, and takes its etag bare or quoted", async () => {
    const { name } = await createSecret(coffer);
    expect((await set({ ...byName(name), accessPolicy: onlyOffice, etag: "1" })).secret?.etag).toBe("2");
    expect((await set({ ...byName(`/${name}`), etag: '"2"' })).secret?.accessPolicy).toBeUndefined();
  });

  it("lets one of 10 calls with one etag win", async () => {
    const { id } = await createSecret(coffer);
    const calls = Array.from({ length: 10 }, () => set({ ...byId(id), accessPolicy: onlyOffice, etag: "1" }));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await getSecret(coffer, { id })).etag).toBe("2");
  });

  it("leaves an event in the audit trail", async () => {
    const { id } = await createSecret(coffer);
    await setPolicy(coffer, id, onlyOffice);
    const events = await coffer.sql(
      "select decision, rule, result from audit_event where resource_id = $1 and method = 'coffer.v1.AccessService/SetAccessPolicy'",
      [id],
    );
    expect(events).toEqual([{ decision: "ALLOW", rule: "role:owner", result: "OK" }]);
  });
});

describe("rejects", () => {
  const hours = (startHour: number, endHour: number, timezone = "UTC") =>
    ({ effect: DENY, condition: { case: "time", value: { startHour, endHour, timezone } } }) as const;
  const many = <T>(count: number, item: T) => Array.from({ length: count }, () => item);
  const c = "access_policy.conditions";

  it.each<[string, NonNullable<Extract<SetRequest, { accessPolicy?: unknown }>["accessPolicy"]>, string[]]>([
    ["no condition", { conditions: [] }, [c]],
    ["33 conditions", { conditions: many(33, ipIs(ALLOW, "::1")) }, [c]],
    ["no effect", { conditions: [ipIs(AccessEffect.UNSPECIFIED, "::1")] }, [`${c}[0].effect`]],
    ["neither address nor time", { conditions: [{ effect: ALLOW }] }, [`${c}[0].condition`]],
    ["no range", { conditions: [ipIs(ALLOW)] }, [`${c}[0].ip.cidrs`]],
    ["65 ranges", { conditions: [ipIs(ALLOW, ...many(65, "::1"))] }, [`${c}[0].ip.cidrs`]],
    [
      "bad ranges",
      { conditions: [ipIs(ALLOW, "::1", "1.2.3.4/33"), ipIs(DENY, "10.0.0.1/8")] },
      [`${c}[0].ip.cidrs[1]`, `${c}[1].ip.cidrs[0]`],
    ],
    ["hour 24", { conditions: [hours(8, 24)] }, [`${c}[0].time.end_hour`]],
    ["hour -1", { conditions: [hours(-1, 8)] }, [`${c}[0].time.start_hour`]],
    ["an empty window", { conditions: [hours(8, 8)] }, [`${c}[0].time.end_hour`]],
    ["an unknown zone", { conditions: [hours(8, 9, "Mars/Phobos")] }, [`${c}[0].time.timezone`]],
    ["an offset for a zone", { conditions: [hours(8, 9, "+01:00")] }, [`${c}[0].time.timezone`]],
  ])("%s, and nothing is written", async (_, accessPolicy, fields) => {
    const { id } = await createSecret(coffer, { accessPolicy: onlyOffice });
    const before = await getSecret(coffer, { id });
    await expectError(set({ ...byId(id), accessPolicy }), invalid(...fields));
    expect(await getSecret(coffer, { id })).toEqual(before);
    const name = newName("bad");
    const request = { name, value: data("v"), accessPolicy };
    await expectError(coffer.clients().secrets.createSecret(request), invalid(...fields));
    expect(await countSecrets(coffer, name)).toBe(0);
  });

  it.each<[string, SetRequest]>([
    ["secret", {}],
    ["region", { ...byName("a"), region: "moon" }],
    ["etag", { ...byId("a"), etag: "x".repeat(257) }],
  ])("%s that breaks its rule", async (field, request) => {
    await expectError(set(request), invalid(field));
  });

  it("UpdateSecret with it: there is one way to set it", async () => {
    const { id } = await createSecret(coffer);
    const request = { secret: { id, accessPolicy: onlyOffice }, updateMask: { paths: ["access_policy"] } };
    await expectError(coffer.clients().secrets.updateSecret(request), invalid("update_mask"));
    await coffer.clients().secrets.updateSecret({ secret: { id, accessPolicy: onlyOffice, description: "d" } });
    expect((await getSecret(coffer, { id })).accessPolicy).toBeUndefined();
  });
});

describe("denies", () => {
  it("who has no token, who lacks the permission, and who is of another workspace", async () => {
    const { id } = await createSecret(coffer);
    const request = { ...byId(id), accessPolicy: onlyOffice };
    await expectError(set(request, "sk_coffer_wrong"), unauthenticated);
    await expectError(set(request, await coffer.tokenWithRole(Role.VIEWER)), denied("secrets.update"));
    const { ownerToken } = await otherWorkspace(coffer);
    await expectError(set(request, ownerToken), secretNotFound);
    await expectError(set({ ...request, ...byId(unknownSecretId) }), secretNotFound);
    expect((await getSecret(coffer, { id })).etag).toBe("1");
  });
});

describe("conflicts", () => {
  it("with another etag, and with a secret that is deleted", async () => {
    const { id } = await createSecret(coffer);
    await expectError(set({ ...byId(id), accessPolicy: onlyOffice, etag: "7" }), staleEtag("1"));
    await softDelete(coffer, { id });
    await expectError(set({ ...byId(id), accessPolicy: onlyOffice }), {
      code: "FailedPrecondition",
      reason: "SECRET_SOFT_DELETED",
    });
  });
});

describe("replays", () => {
  it("answers with the secret as it is now, and refuses the key for another policy", async () => {
    const { id } = await createSecret(coffer);
    const key = newName("key");
    const { first, second } = await twice(key, (options) =>
      coffer.clients().access.setAccessPolicy({ ...byId(id), accessPolicy: onlyOffice, etag: "1" }, options),
    );
    expect([first.replayed, second.replayed]).toEqual([false, true]);
    expect(second.answer.secret).toEqual(present(first.answer.secret));
    await setPolicy(coffer, id);
    const other = withKey(key, (options) => coffer.clients().access.setAccessPolicy(byId(id), options));
    await expectError(other, { reason: "IDEMPOTENCY_KEY_REUSED" });
  });

  it("takes the same conditions in another order for another request, and a time is no part of it", async () => {
    const { id } = await createSecret(coffer, { expiration: { case: "expireTime", value: timestampFromMs(4e12) } });
    const key = newName("key");
    const conditions = [ipIs(ALLOW, "::1"), ipIs(DENY, "::2")];
    await withKey(key, (options) =>
      coffer.clients().access.setAccessPolicy({ ...byId(id), accessPolicy: { conditions } }, options),
    );
    const turned = { conditions: conditions.toReversed() };
    const other = withKey(key, (options) =>
      coffer.clients().access.setAccessPolicy({ ...byId(id), accessPolicy: turned }, options),
    );
    await expectError(other, { reason: "IDEMPOTENCY_KEY_REUSED" });
  });
});
