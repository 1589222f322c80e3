// BatchGetSecretValues, on the real servers.
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import type { SecretValueResult } from "../../../gen/coffer/v1/secret_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, errorOf, expectError, invalid } from "../../support/errors.ts";
import {
  addVersion,
  byId,
  byName,
  createSecret,
  data,
  softDelete,
  textOf,
  unknownSecretId,
} from "../../support/secrets.ts";

const coffer = useCoffer();

type Batch = Parameters<ReturnType<typeof coffer.clients>["secrets"]["batchGetSecretValues"]>[0];
const batch = async (request: Batch, token?: string) =>
  (await coffer.clients(token).secrets.batchGetSecretValues(request)).results;

/** The text of a value, or code and reason of an error. */
function outcomeOf({ result }: SecretValueResult): string {
  if (result.case === "value") return textOf(result.value);
  if (result.case === undefined) return "nothing";
  const infos = result.value.details.flatMap((detail) => anyUnpack(detail, ErrorInfoSchema) ?? []);
  return `${Code[result.value.code]} ${infos.map(({ domain, reason }) => `${domain} ${reason}`).join()}`;
}

describe("succeeds", () => {
  it("gives each request its own result or the error that GetSecretValue would have given, in their order", async () => {
    const { secrets } = coffer.clients();
    const { ownerToken } = await otherWorkspace(coffer);
    const secret = await createSecret(coffer, { value: data("one") });
    await addVersion(coffer, secret, "two");
    const hidden = await createSecret(coffer, { revealable: false });
    const foreign = await createSecret(coffer, {}, ownerToken);
    const gone = await softDelete(coffer, await createSecret(coffer));
    const disabled = await createSecret(coffer);
    await secrets.disableSecretVersion({ ...byId(disabled.id), version: "1" });
    const destroyed = await createSecret(coffer);
    await secrets.destroySecretVersion({ ...byId(destroyed.id), version: "1" });
    const requests = [
      { ...byId(secret.id), version: "1" },
      byId(unknownSecretId),
      byName(secret.name),
      byId(foreign.id),
      byId(gone.id),
      byId(hidden.id),
      { ...byId(disabled.id), version: "1" },
      { ...byId(destroyed.id), version: "1" },
      { ...byId(secret.id), version: "3" },
      { ...byId(secret.id), version: "no number" },
      { ...byName(secret.name), region: "moon" },
      byId(secret.id),
    ];
    expect((await batch({ requests })).map(outcomeOf)).toEqual([
      "one",
      "NotFound coffer SECRET_NOT_FOUND",
      "two",
      "NotFound coffer SECRET_NOT_FOUND",
      "NotFound coffer SECRET_NOT_FOUND",
      "FailedPrecondition coffer NOT_REVEALABLE",
      "FailedPrecondition coffer VERSION_DISABLED",
      "NotFound coffer VERSION_DESTROYED",
      "NotFound coffer VERSION_NOT_FOUND",
      "InvalidArgument coffer FIELD_INVALID",
      "InvalidArgument coffer FIELD_INVALID",
      "two",
    ]);
    for (const [index, item] of requests.entries()) {
      const [single] = await Promise.allSettled([secrets.getSecretValue(item)]);
      const [result] = await batch({ requests: [item] });
      expect(result?.result.case, `request ${index}`).toBe(single?.status === "fulfilled" ? "value" : "error");
    }
  });

  it("takes 100 requests, and audits each value", async () => {
    const { id } = await createSecret(coffer);
    const results = await batch({ requests: Array.from({ length: 100 }, () => byId(id)) });
    expect(results.map(outcomeOf)).toEqual(Array.from({ length: 100 }, () => "v1"));
    const [{ count } = {}] = await coffer.sql(
      "select count(*)::int as count from audit_event where resource_id = $1 and method like '%/BatchGetSecretValues'",
      [id],
    );
    expect(count).toBe(100);
  });

  it("shows errors and values in JSON", async () => {
    const { id } = await createSecret(coffer);
    const json = { requests: [{ id }, { id: unknownSecretId }] };
    const response = await coffer.fetch("/coffer.v1.SecretService/BatchGetSecretValues", { json });
    expect(await response.json()).toMatchObject({
      results: [
        { value: { secretId: id, versionNumber: 1, data: btoa("v1") } },
        {
          error: {
            code: Code.NotFound,
            details: [
              { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "SECRET_NOT_FOUND", domain: "coffer" },
            ],
          },
        },
      ],
    });
  });
});

describe("rejects", () => {
  it("no requests, 101 of them, and one that breaks a rule, by its place", async () => {
    await expectError(batch({}), invalid("requests"));
    await expectError(batch({ requests: Array.from({ length: 101 }, () => byId("a")) }), invalid("requests"));
    await expectError(batch({ requests: [byId("a"), {}] }), invalid("requests[1].secret"));
    await expectError(batch({ requests: [byId("a"), byId("x".repeat(65))] }), invalid("requests[1].id"));
  });

  it("a request for another workspace than the batch's", async () => {
    const { workspaceId } = await coffer.clients().tokens.whoAmI({});
    const { id } = await createSecret(coffer);
    const other = await otherWorkspace(coffer);
    expect((await batch({ requests: [{ ...byId(id), workspaceId }] })).map(outcomeOf)).toEqual(["v1"]);
    await expectError(
      batch({ requests: [byId(id), { ...byId(id), workspaceId: other.workspaceId }] }),
      invalid("requests[1].workspace_id"),
    );
  });
});

describe("denies", () => {
  it("a viewer as a whole", async () => {
    const { id } = await createSecret(coffer);
    const viewer = await coffer.tokenWithRole(Role.VIEWER);
    await expectError(batch({ requests: [byId(id)] }, viewer), denied("versions.access"));
    expect((await errorOf(batch({ requests: [byId(unknownSecretId)] }, viewer))).reason).toBe("PERMISSION_MISSING");
  });
});
