// Idempotency keys on every RPC that changes something, on the real servers.
import type { CallOptions } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { SecretState, SecretVersionState } from "../../../gen/coffer/v1/secret_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { useCoffer } from "../../support/coffer.ts";
import { expectError } from "../../support/errors.ts";
import { twice, withKey } from "../../support/replay.ts";
import {
  addVersion,
  byId,
  byName,
  countSecrets,
  createSecret,
  data,
  getSecret,
  newName,
  present,
  readText,
  softDelete,
} from "../../support/secrets.ts";

const coffer = useCoffer();
let keys = 0;
const newKey = () => `key ${++keys}`;

describe("replays", () => {
  it("CreateSecret: the same secret as it is now, and no second one", async () => {
    const { secrets } = coffer.clients();
    const request = { name: newName(), value: data("v") };
    const key = newKey();
    const first = await withKey(key, (options) => secrets.createSecret(request, options));
    expect(first.replayed).toBe(false);
    const { id, name } = present(first.answer.secret);
    expect((await withKey(key, (options) => secrets.createSecret(request, options))).answer).toEqual(first.answer);
    await secrets.updateSecret({ secret: { id, description: "since then" } });
    await softDelete(coffer, { id });
    const later = await withKey(key, (options) => secrets.createSecret(request, options));
    expect(later.replayed).toBe(true);
    expect(later.answer.secret).toMatchObject({ id, description: "since then", state: SecretState.SOFT_DELETED });
    expect(await countSecrets(coffer, name)).toBe(1);
  });

  it("a generated value: the one that was made first", async () => {
    const { secrets } = coffer.clients();
    const request = { name: newName(), value: { case: "generate", value: { byteLength: 32 } } } as const;
    const { first, second } = await twice(newKey(), (options) => secrets.createSecret(request, options));
    expect(second).toEqual({ answer: first.answer, replayed: true });
    expect(present(second.answer.secret).versionCount).toBe(1);
  });

  it("UpdateSecret: whatever the etag has become, and changes nothing again", async () => {
    const { secrets } = coffer.clients();
    const { id, etag } = await createSecret(coffer);
    const request = { secret: { id, etag, description: "once" } };
    const key = newKey();
    await withKey(key, (options) => secrets.updateSecret(request, options));
    await secrets.updateSecret({ secret: { id, description: "since then" } });
    const { answer, replayed } = await withKey(key, (options) => secrets.updateSecret(request, options));
    expect(replayed).toBe(true);
    expect(answer.secret).toMatchObject({ description: "since then", etag: "3" });
  });

  it("DeleteSecret by name after the secret is gone, and beside a new one of that name", async () => {
    const { secrets } = coffer.clients();
    const { id, name, etag } = await createSecret(coffer);
    const request = { ...byName(name), etag };
    const key = newKey();
    await withKey(key, (options) => secrets.deleteSecret(request, options));
    const again = await withKey(key, (options) => secrets.deleteSecret(request, options));
    expect(again).toMatchObject({ replayed: true, answer: { secret: { id, state: SecretState.SOFT_DELETED } } });
    const other = await createSecret(coffer, { name });
    const beside = await withKey(key, (options) => secrets.deleteSecret(request, options));
    expect(beside).toMatchObject({ replayed: true, answer: { secret: { id } } });
    expect((await getSecret(coffer, other)).state).toBe(SecretState.ACTIVE);
  });

  it("DeleteSecret by force", async () => {
    const { id, etag } = await createSecret(coffer);
    const { secrets } = coffer.clients();
    const { first, second } = await twice(newKey(), (options) =>
      secrets.deleteSecret({ ...byId(id), etag, force: true }, options),
    );
    expect(second).toEqual({ answer: first.answer, replayed: true });
  });

  it("UndeleteSecret of a secret that is active by now", async () => {
    const deleted = await softDelete(coffer, await createSecret(coffer));
    const { id, etag } = deleted;
    const { secrets } = coffer.clients();
    const { first, second } = await twice(newKey(), (options) => secrets.undeleteSecret({ id, etag }, options));
    expect(second).toEqual({ answer: first.answer, replayed: true });
    expect(second.answer.secret?.state).toBe(SecretState.ACTIVE);
  });

  it("AddSecretVersion: the same version as it is now, whatever the current one is", async () => {
    const { secrets } = coffer.clients();
    const secret = await createSecret(coffer);
    const request = { ...byId(secret.id), value: data("v2"), expectedCurrentVersion: 1 };
    const key = newKey();
    const first = await withKey(key, (options) => secrets.addSecretVersion(request, options));
    await addVersion(coffer, secret, "v3");
    await secrets.disableSecretVersion({ ...byId(secret.id), version: "2" });
    const again = await withKey(key, (options) => secrets.addSecretVersion(request, options));
    expect(again.replayed).toBe(true);
    expect(again.answer.version).toMatchObject({
      id: first.answer.version?.id,
      versionNumber: 2,
      state: SecretVersionState.DISABLED,
    });
    await softDelete(coffer, secret);
    expect((await withKey(key, (options) => secrets.addSecretVersion(request, options))).replayed).toBe(true);
    expect((await getSecret(coffer, secret)).versionCount).toBe(3);
  });

  it("Enable, Disable and DestroySecretVersion, by an alias that is gone by now and with an old etag", async () => {
    const { secrets } = coffer.clients();
    const secret = await createSecret(coffer);
    await addVersion(coffer, secret, "v2");
    const alias = async (versionAliases: Record<string, number>) => {
      const updateMask = { paths: ["version_aliases"] };
      await secrets.updateSecret({ secret: { id: secret.id, versionAliases }, updateMask });
    };
    let etag = "1";
    for (const [rpc, state] of [
      ["disableSecretVersion", SecretVersionState.DISABLED],
      ["enableSecretVersion", SecretVersionState.ENABLED],
      ["destroySecretVersion", SecretVersionState.DESTROYED],
    ] as const) {
      await alias({ chosen: 1 });
      const request = { ...byId(secret.id), version: "chosen", etag };
      const change = async (options: CallOptions) => present((await secrets[rpc](request, options)).version);
      const key = newKey();
      const first = await withKey(key, change);
      expect(first).toMatchObject({ replayed: false, answer: { versionNumber: 1, state } });
      await alias({});
      const second = await withKey(key, change);
      expect(second).toEqual({ answer: first.answer, replayed: true });
      etag = first.answer.etag;
    }
  });

  it("CreateToken and CreateWorkspace, without the tokens: they are stored nowhere", async () => {
    const { tokens, workspaces } = coffer.clients();
    const token = await twice(newKey(), (options) =>
      tokens.createToken({ displayName: "t", role: Role.VIEWER }, options),
    );
    expect(token.first.answer.token).not.toBe("");
    expect(token.second).toEqual({ replayed: true, answer: { ...token.first.answer, token: "" } });
    const workspace = await twice(newKey(), (options) => workspaces.createWorkspace({ displayName: "w" }, options));
    expect(workspace.first.answer.ownerToken).not.toBe("");
    expect(workspace.second).toEqual({ replayed: true, answer: { ...workspace.first.answer, ownerToken: "" } });
  });

  it("RevokeToken and UpdateWorkspace", async () => {
    const { tokens, workspaces } = coffer.clients();
    const { apiToken } = await tokens.createToken({ displayName: "t", role: Role.VIEWER });
    const { id } = present(apiToken);
    const revoked = await twice(newKey(), (options) => tokens.revokeToken({ id }, options));
    expect(revoked.second).toEqual({ answer: revoked.first.answer, replayed: true });
    const { etag } = present((await workspaces.getWorkspace({})).workspace);
    const workspace = { displayName: "w", etag };
    const updated = await twice(newKey(), (options) => workspaces.updateWorkspace({ workspace }, options));
    expect(updated.second).toEqual({ answer: updated.first.answer, replayed: true });
  });

  it("to 50 that ask at once with one key: one change, 49 replays", async () => {
    const { secrets } = coffer.clients();
    const request = { name: newName(), value: data("v") };
    const key = newKey();
    const results = await Promise.all(
      Array.from({ length: 50 }, () => withKey(key, (options) => secrets.createSecret(request, options))),
    );
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(results.map(({ answer }) => answer.secret?.id)).size).toBe(1);
    expect(await countSecrets(coffer, request.name)).toBe(1);
  });

  it("a key that a failed call had: the failure left nothing", async () => {
    const { secrets } = coffer.clients();
    const blocking = await createSecret(coffer);
    const request = { name: blocking.name, value: data("second") };
    const key = newKey();
    const call = (options: CallOptions) => secrets.createSecret(request, options);
    await expectError(withKey(key, call), { reason: "NAME_TAKEN" });
    await softDelete(coffer, blocking);
    const { answer, replayed } = await withKey(key, call);
    expect(replayed).toBe(false);
    expect(await readText(coffer, present(answer.secret))).toBe("second");
  });

  it("keys bare or quoted, and keys of 64 characters of any printable kind", async () => {
    const { secrets } = coffer.clients();
    for (const key of ["plain", "with space", `odd~!"'\\{}`, "k".repeat(64)]) {
      const request = { name: newName(), value: data("v") };
      const bare = await withKey(key, (options) => secrets.createSecret(request, options));
      const quoted = await withKey(`"${key}"`, (options) => secrets.createSecret(request, options));
      expect([bare.replayed, quoted.replayed]).toEqual([false, true]);
      expect(quoted.answer).toEqual(bare.answer);
    }
  });
});
