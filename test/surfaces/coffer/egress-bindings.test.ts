// BindSecret and UnbindSecret on the real servers.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createEgressSecret } from "../../support/egress-secrets.ts";
import { denied, expectError, expectErrors, invalid, secretNotFound } from "../../support/errors.ts";
import { twice } from "../../support/replay.ts";
import { sandboxCalls, sandboxNotFound, unknownSandbox } from "../../support/sandboxes.ts";
import { byId, byName, createSecret, newName, softDelete, unknownSecretId } from "../../support/secrets.ts";

const coffer = useCoffer();

const { egress, createSandbox, bind, authenticated } = sandboxCalls(coffer);

describe("BindSecret", () => {
  it("binds by id and by name, each time with a fresh placeholder", async () => {
    const { id, name } = await createEgressSecret(coffer);
    const { id: sandboxId } = await createSandbox();
    const one = await bind(sandboxId, "ONE", id);
    const { binding: two } = await egress().bindSecret({ sandboxId, envKey: "TWO", ...byName(name) });
    expect([one, two]).toMatchObject([
      { envKey: "ONE", secretId: id, secretName: name, revoked: false },
      { envKey: "TWO", secretId: id, secretName: name, revoked: false },
    ]);
    expect(one.placeholder).not.toBe(two?.placeholder);
    expect((await egress().getSandbox({ id: sandboxId })).sandbox?.secrets).toEqual([one, two]);
  });

  it("shows the same binding in a replay", async () => {
    const { id } = await createEgressSecret(coffer);
    const { id: sandboxId } = await createSandbox();
    const { first, second } = await twice(newName(), (options) =>
      egress().bindSecret({ sandboxId, envKey: "KEY", ...byId(id) }, options),
    );
    expect([second.replayed, second.answer]).toEqual([true, first.answer]);
  });

  it("keeps to 32, and to one for a variable, whoever else binds at the time", async () => {
    const { id } = await createEgressSecret(coffer);
    const { id: sandboxId } = await createSandbox();
    const calls = Array.from({ length: 40 }, (_, i) => bind(sandboxId, `K${i}`, id));
    const done = (await Promise.allSettled(calls)).filter(({ status }) => status === "fulfilled");
    expect(done).toHaveLength(32);
    expect((await egress().getSandbox({ id: sandboxId })).sandbox?.secrets).toHaveLength(32);
    const { id: another } = await createSandbox();
    const same = await Promise.allSettled(Array.from({ length: 8 }, () => bind(another, "KEY", id)));
    expect(same.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("conflicts with what is bound, until that is let go", async () => {
    const { id } = await createEgressSecret(coffer);
    const { id: sandboxId, token } = await createSandbox();
    const old = await bind(sandboxId, "KEY", id);
    await expectError(bind(sandboxId, "KEY", id), {
      code: "AlreadyExists",
      reason: "ENV_KEY_TAKEN",
      metadata: { env_key: "KEY" },
    });
    await egress().unbindSecret({ sandboxId, envKey: "KEY" });
    const now = await bind(sandboxId, "KEY", id);
    expect((await egress().getSandbox({ id: sandboxId })).sandbox?.secrets).toEqual([now]);
    const judged = new Map((await authenticated(token))?.bindings.map((each) => [each.placeholder, each.rule]));
    expect([judged.get(old.placeholder), judged.get(now.placeholder)]).toMatchObject([undefined, { isPerHost: false }]);
  });

  it("finds no sandbox and no secret that is not there, or not the caller's", async () => {
    const secret = await createEgressSecret(coffer);
    const { id: sandboxId } = await createSandbox();
    const { ownerToken } = await otherWorkspace(coffer);
    const foreign = await createEgressSecret(coffer, {}, ownerToken);
    await expectErrors(
      [bind(unknownSandbox, "K", secret.id), bind(sandboxId, "K", foreign.id, ownerToken)],
      sandboxNotFound,
    );
    await expectErrors([bind(sandboxId, "K", unknownSecretId), bind(sandboxId, "K", foreign.id)], secretNotFound);
    await expectErrors(
      [
        egress(ownerToken).getSandbox({ id: sandboxId }),
        egress(ownerToken).deleteSandbox({ id: sandboxId }),
        egress(ownerToken).unbindSecret({ sandboxId, envKey: "K" }),
      ],
      sandboxNotFound,
    );
  });

  it("refuses bad keys, and secrets without a rule or deleted", async () => {
    const { id: sandboxId } = await createSandbox();
    const { id } = await createEgressSecret(coffer);
    await expectErrors([bind(sandboxId, "1K", id), bind(sandboxId, "", id)], invalid("env_key"));
    await expectError(bind(sandboxId, "K", (await createSecret(coffer)).id), { reason: "NO_EGRESS_RULE" });
    await softDelete(coffer, { id });
    await expectError(bind(sandboxId, "K", id), { reason: "SECRET_SOFT_DELETED" });
  });

  it("takes egress.bind, and secrets.use of the secret", async () => {
    const { id } = await createEgressSecret(coffer);
    const { id: sandboxId } = await createSandbox();
    const only = await coffer.tokenWithRole(Role.OWNER, ["egress.bind"]);
    await expectError(bind(sandboxId, "K", id, only), denied("secrets.use"));
    const user = await coffer.tokenWithRole(Role.OWNER, ["secrets.use"]);
    await expectError(bind(sandboxId, "K", id, user), denied("egress.bind"));
  });

  it("vouches for no rule that SQL has changed", async () => {
    const { id, name } = await createEgressSecret(coffer);
    const { id: sandboxId, token } = await createSandbox({ secrets: { BEFORE: name } });
    await coffer.sql(
      `update secret set egress_rule = jsonb_set(egress_rule, '{hosts,0}', '"evil.example.net"') where secret_id = $1`,
      [id],
    );
    const corrupt = { code: "DataLoss", reason: "VALUE_CORRUPT" };
    await expectErrors([bind(sandboxId, "K", id), createSandbox({ secrets: { K: name } })], corrupt);
    expect((await authenticated(token))?.bindings).toMatchObject([{ rule: undefined }]);
    await coffer.sql("update secret set egress_mac = null where secret_id = $1", [id]);
    await expectError(bind(sandboxId, "K", id), corrupt);
    // A rule of the caller's own is whole again.
    await coffer.clients().secrets.updateSecret({ secret: { id, egress: { provider: "openai" } } });
    await bind(sandboxId, "K", id);
    expect((await authenticated(token))?.bindings.map(({ rule }) => rule?.hosts)).toEqual([
      ["api.openai.com"],
      ["api.openai.com"],
    ]);
  });
});

describe("UnbindSecret", () => {
  it("lets go once, and finds nothing the second time, but for a replay", async () => {
    const { id, name } = await createEgressSecret(coffer);
    const { id: sandboxId } = await createSandbox({ secrets: { A: name, B: name } });
    const { second } = await twice(newName(), (options) => egress().unbindSecret({ sandboxId, envKey: "A" }, options));
    expect(second.replayed).toBe(true);
    const nothing = { code: "NotFound", reason: "BINDING_NOT_FOUND" };
    await expectErrors(
      ["A", "C"].map((envKey) => egress().unbindSecret({ sandboxId, envKey })),
      nothing,
    );
    expect((await egress().getSandbox({ id: sandboxId })).sandbox?.secrets).toMatchObject([
      { envKey: "B", secretId: id },
    ]);
  });
});
