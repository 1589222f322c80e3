// The contract of every external vault, over HTTP: each good and bad answer gives a clear and bounded outcome.
import { BlockList } from "node:net";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { VaultType } from "../../src/domain/external-vault/vault-connection.ts";
import { Sensitive } from "../../src/domain/sensitive.ts";
import { createExternalVaults } from "../../src/external-vault/external-vaults.ts";
import type { OpenConnection } from "../../src/external-vault/vault.ts";
import { type Mood, referenceTo, startVaultService, type VaultService, vendors } from "../support/vault-services.ts";

const vaultTypes: Record<(typeof vendors)[number], VaultType> = {
  doppler: "DOPPLER",
  infisical: "INFISICAL",
  connect: "ONEPASSWORD",
};
const configs = {
  doppler: { project: "storage", config: "prd" },
  infisical: { project_id: "project-1", environment: "prod", secret_path: "/storage" },
  connect: {},
};
const credential = "dp.st.canary-credential";

function local(): BlockList {
  const allowed = new BlockList();
  allowed.addAddress("127.0.0.1");
  return allowed;
}

describe.each(vendors)("%s", (vendor) => {
  let service: VaultService;
  let nowMs: number;
  let vaults: ReturnType<typeof createExternalVaults>;

  beforeEach(async () => {
    service = await startVaultService(vendor, credential);
    nowMs = 1_000_000;
    vaults = createExternalVaults({ allowed: local() }, { now: () => new Date(nowMs), nowMs: () => nowMs });
  });
  afterEach(() => service.close());

  const connection = (secret = credential, revision = 1): OpenConnection => ({
    workspaceId: "ws_1",
    vaultConnectionId: "vc_1",
    vaultType: vaultTypes[vendor],
    baseUrl: service.url,
    config: configs[vendor],
    revision,
    credentials: new Map(
      Object.entries({ access_token: secret, client_id: "client-1", client_secret: secret }).map(([name, text]) => [
        name,
        new Sensitive(Buffer.from(text)),
      ]),
    ),
  });
  const first = referenceTo(vendor, "ACCESS_KEY_ID");
  const second = referenceTo(vendor, "SECRET_ACCESS_KEY");
  const gone = referenceTo(vendor, "NO_SUCH_FIELD");

  async function resolved(references: readonly string[], of = connection()): Promise<unknown[]> {
    const resolutions = await vaults.resolve(of, references);
    return references.map((reference) => {
      const resolution = resolutions.get(reference);
      return resolution && "value" in resolution ? Buffer.from(resolution.value.reveal()).toString() : resolution;
    });
  }

  it("takes its credentials, and is shown no value for it", async () => {
    expect(await vaults.check(connection())).toBeUndefined();
    expect(service.calls.length).toBeLessThanOrEqual(2);
    expect(JSON.stringify(service.calls.map(({ path }) => path))).not.toContain("ACCESS_KEY");
  });

  it("resolves two fields, and says which one is missing", async () => {
    expect(await resolved([first, second])).toEqual(["AKIAVAULT00000000001", "vault-secret-access-key"]);
    expect(await resolved([gone, first])).toEqual([
      { reason: "missing", isWorthRetrying: false },
      "AKIAVAULT00000000001",
    ]);
  });

  it("says when what it holds cannot be used: nothing, and more than a value may take", async () => {
    service.values.set("EMPTY", "").set("LARGE", "v".repeat(65_537)).set("LARGEST", "v".repeat(65_536));
    const [empty, large, largest] = await resolved(
      ["EMPTY", "LARGE", "LARGEST"].map((name) => referenceTo(vendor, name)),
    );
    expect([empty, large]).toEqual(Array(2).fill({ reason: "unusable", isWorthRetrying: false }));
    expect(largest).toHaveLength(65_536);
  });

  it("refuses a revoked credential, and takes the one that replaces it", async () => {
    expect(await resolved([first])).toEqual(["AKIAVAULT00000000001"]);
    service.credential = "dp.st.another";
    service.accessTokens.clear();
    const unauthorized = { reason: "unauthorized", isWorthRetrying: false };
    expect(await vaults.check(connection())).toEqual(unauthorized);
    expect(await resolved([first, second])).toEqual([unauthorized, unauthorized]);
    expect(await vaults.check(connection("dp.st.another"))).toBeUndefined();
    // The connection has another revision then, and nothing of the old one is remembered for it.
    expect(await resolved([first], connection("dp.st.another", 2))).toEqual(["AKIAVAULT00000000001"]);
  });

  it("is asked once by 500 at a time, and again by who comes later", async () => {
    await resolved([first]);
    const before = service.calls.length;
    await resolved([first]);
    const callsOfOne = service.calls.length - before;
    const all = await Promise.all(Array.from({ length: 500 }, () => resolved([first])));
    expect(new Set(all.flat())).toEqual(new Set(["AKIAVAULT00000000001"]));
    expect(service.calls.length - before).toBe(2 * callsOfOne);
    service.values.set("ACCESS_KEY_ID", "changed");
    expect(await resolved([first])).toEqual(["changed"]);
  });

  it("is not asked for what it has not got for five seconds", async () => {
    await resolved([gone]);
    const before = service.calls.length;
    service.values.set("NO_SUCH_FIELD", "there now");
    expect(await resolved([gone])).toEqual([{ reason: "missing", isWorthRetrying: false }]);
    expect(service.calls).toHaveLength(before);
    nowMs += 5_000;
    expect(await resolved([gone])).toEqual(["there now"]);
  });

  it("is left alone for as long as it says, and longer each time when it says nothing", async () => {
    service.mood = "429";
    const slower = (retryAfterMs: number) => ({ reason: "rate_limited", isWorthRetrying: true, retryAfterMs });
    expect(await vaults.check(connection())).toEqual(slower(7_000));
    const { length } = service.calls;
    nowMs += 6_000;
    service.mood = "good";
    expect(await resolved([first])).toEqual([slower(1_000)]);
    expect(service.calls).toHaveLength(length);
    nowMs += 1_000;
    expect(await resolved([first])).toEqual(["AKIAVAULT00000000001"]);
    service.mood = "429 without a time";
    for (const waitMs of [1_000, 2_000, 4_000]) {
      expect(await vaults.check(connection())).toEqual(slower(waitMs));
      nowMs += waitMs;
    }
  });

  it("is asked at most 60 times at once and 90 times a minute", async () => {
    const outcomes = [];
    for (let i = 0; i < 70; i++) outcomes.push(...(await resolved([second])));
    expect(service.calls).toHaveLength(60);
    expect(outcomes.at(-1)).toMatchObject({ reason: "rate_limited", isWorthRetrying: true });
    nowMs += 20_000;
    const before = service.calls.length;
    for (let i = 0; i < 40; i++) await resolved([second]);
    expect(service.calls.length - before).toBe(30);
  });

  it.each<[Mood, object]>([
    ["500", { reason: "faulty", isWorthRetrying: true }],
    ["huge", { reason: "answer_too_large", isWorthRetrying: false }],
    ["redirect", { reason: "redirected", isWorthRetrying: false }],
    ["no JSON", { reason: "faulty", isWorthRetrying: true }],
  ])("meets %s", async (mood, failure) => {
    service.mood = mood;
    expect(await vaults.check(connection())).toEqual(failure);
    const outcomes = await resolved([first, second]);
    expect(outcomes).toEqual([failure, failure]);
  });

  it("that hangs is waited for five seconds, once for all", async () => {
    service.mood = "hang";
    const start = performance.now();
    const all = await Promise.all([resolved([first]), resolved([first, second]), resolved([second])]);
    expect(performance.now() - start).toBeLessThan(7_000);
    expect(new Set(all.flat().map((outcome) => JSON.stringify(outcome)))).toEqual(
      new Set([JSON.stringify({ reason: "timed_out", isWorthRetrying: true })]),
    );
  });

  it("that is down is unreachable, and one inside is not called", async () => {
    const refused = { reason: "address_refused", isWorthRetrying: false };
    const clock = { now: () => new Date(), nowMs: () => performance.now() };
    const careful = createExternalVaults({ allowed: new BlockList() }, clock);
    expect(await careful.check(connection())).toEqual(refused);
    const abroad = createExternalVaults({ allowed: local() }, clock, async () => ["192.0.43.7"]);
    expect(await abroad.check({ ...connection(), baseUrl: "http://vault.example" })).toEqual(refused);
    expect(service.calls).toEqual([]);
    await service.close();
    expect(await vaults.check(connection())).toEqual({ reason: "unreachable", isWorthRetrying: true });
  });
});

describe("infisical", () => {
  async function start() {
    const service = await startVaultService("infisical", credential);
    const clock = { nowMs: 0 };
    const vaults = createExternalVaults(
      { allowed: local() },
      { now: () => new Date(clock.nowMs), nowMs: () => clock.nowMs },
    );
    const resolve = (...names: string[]) =>
      vaults.resolve(
        {
          ...{ workspaceId: "ws_1", vaultConnectionId: "vc_1", vaultType: "INFISICAL", revision: 1 },
          ...{ baseUrl: service.url, config: configs.infisical },
          credentials: new Map([
            ["client_id", new Sensitive(Buffer.from("client-1"))],
            ["client_secret", new Sensitive(Buffer.from(credential))],
          ]),
        },
        names,
      );
    onTestFinished(service.close);
    return { service, clock, resolve };
  }

  it("logs in once for as long as the token lasts, and again when it is revoked before", async () => {
    const { service, clock, resolve: resolveNames } = await start();
    const logins = () => service.calls.filter(({ path }) => path.endsWith("/login")).length;
    const resolve = () => resolveNames("ACCESS_KEY_ID", "SECRET_ACCESS_KEY");
    await resolve();
    await resolve();
    expect(logins()).toBe(1);
    clock.nowMs += 7_200_000;
    await resolve();
    expect(logins()).toBe(2);
    service.accessTokens.clear();
    expect([...(await resolve()).values()].every((resolution) => "value" in resolution)).toBe(true);
    expect(logins()).toBe(3);
  });

  it("puts referenced secrets in, finds imported ones, and takes no hidden value for a value", async () => {
    const { service, resolve } = await start();
    service.values.set("DB_PASSWORD", "hunter2").set("DB_URL", `postgres://app:\${DB_PASSWORD}@db/app`);
    service.imported.set("SHARED", "from another folder");
    service.values.set("SEALED", "not for this identity");
    service.hidden.add("SEALED");
    const resolutions = await resolve("DB_URL", "SHARED", "SEALED");
    const text = (name: string) => {
      const resolution = resolutions.get(name);
      return resolution && "value" in resolution ? Buffer.from(resolution.value.reveal()).toString() : resolution;
    };
    expect(text("DB_URL")).toBe("postgres://app:hunter2@db/app");
    expect(text("SHARED")).toBe("from another folder");
    expect(text("SEALED")).toMatchObject({ reason: "unusable" });
  });
});

describe("1Password", () => {
  const clock = { now: () => new Date(), nowMs: () => performance.now() };
  const vaults = createExternalVaults({ allowed: local() }, clock);
  const of = (token: string, baseUrl = ""): OpenConnection => ({
    ...{ workspaceId: "ws_1", vaultConnectionId: "vc_1", vaultType: "ONEPASSWORD", revision: 1, config: {}, baseUrl },
    credentials: new Map([["access_token", new Sensitive(Buffer.from(token))]]),
  });

  it("finds a field in its section, and says when there are several", async () => {
    const service = await startVaultService("connect", credential);
    const references = ["op://infra-2/Storage/key", "op://Infra/Storage/live/KEY", "op://Infra/Storage/key"];
    const resolutions = await vaults.resolve(of(credential, service.url), references);
    const values = references.map((reference) => resolutions.get(reference));
    expect(values[0]).toMatchObject({ reason: "missing" });
    expect(values[1]).toMatchObject({ value: expect.any(Sensitive) as Sensitive });
    expect(values[2]).toMatchObject({ reason: "ambiguous" });
    await service.close();
  });

  const tokenFor = (signInAddress: string) =>
    `ops_${Buffer.from(JSON.stringify({ signInAddress, email: "a@b" })).toString("base64url")}`;

  it.each([
    "ops_garbage",
    tokenFor("169.254.169.254"),
    tokenFor("evil.example"),
    tokenFor("1password.com.evil.example"),
  ])("takes no token that leads elsewhere: %s", async (token) => {
    expect(await vaults.check(of(token))).toEqual({ reason: "unauthorized", isWorthRetrying: false });
  });

  it("has its own client look at a token of its own, and refuse one that is none without calling anybody", async () => {
    const failure = await vaults.check(of(tokenFor("my.1password.com")));
    expect(failure).toEqual({ reason: "unauthorized", isWorthRetrying: false });
    const resolutions = await vaults.resolve(of(tokenFor("my.1password.com")), ["op://a/b/c"]);
    expect([...resolutions.values()]).toEqual([failure]);
  });
});
