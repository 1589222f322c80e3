// Credentials are tried behind the calls that make them, on the real servers: what is noted, what is not, and who may be in the way.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CredentialState } from "../../../gen/coffer/v1/secret_pb.ts";
import { revalidateDue } from "../../../src/operations/credentials/revalidate-due.ts";
import { type AkuaSecret, addAkuaVersion, createAkuaSecret, getAkuaSecret, readAkua } from "../../support/akua.ts";
import { startCoffer, type TestCoffer } from "../../support/coffer.ts";
import { textsIn } from "../../support/find-bytes.ts";
import { eagerJobs } from "../../support/jobs.ts";
import { until } from "../../support/poll.ts";
import { byId, createSecret, data, getSecret, present } from "../../support/secrets.ts";
import { azureValue, googleValue, type Services, startServices } from "../../support/services.ts";

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

const hcloud = (value: string, on = coffer) => createAkuaSecret(on, { kind: "cloud_provider/hcloud", value });

/** The secret once a try has been noted. */
async function tried({ id }: { id: string }, on = coffer): Promise<AkuaSecret> {
  await until("a try is noted", async () => ((await getAkuaSecret(on, { id })).validation?.validated_at ?? 0) > 0);
  return getAkuaSecret(on, { id });
}

/** Makes its next try due, and has it found. */
async function again({ id }: { id: string }): Promise<void> {
  await coffer.sql("update secret set validate_after = now() where secret_id = $1", [id]);
  await revalidateDue(coffer.deps, coffer.deps.database);
}

async function rowOf({ id }: { id: string }) {
  const [row] = await coffer.sql(
    `select validation_state, validation_failures, validation_lease, validate_time,
      extract(epoch from validate_after - now())::float8 as due_in_s from secret where secret_id = $1`,
    [id],
  );
  return present(row);
}

const eventsOf = ({ id }: { id: string }) =>
  coffer.sql("select * from audit_event where resource_id = $1 order by event_time", [id]);

describe("after a create", () => {
  it.each<[kind: string, right: object, wrong: object]>([
    ["cloud_provider/hcloud", { value: "good" }, { value: "bad" }],
    ["cloudflare_api", { value: "good" }, { value: "bad" }],
    [
      "cloud_provider/aws",
      { value: "good-aws-secret/+", aws_access_key_id: "AKIAGOOD000000000000" },
      { value: "bad", aws_access_key_id: "AKIAGOOD000000000000" },
    ],
    ["cloud_provider/gcp", { value: googleValue("good") }, { value: googleValue("bad") }],
    ["cloud_provider/azure", { value: azureValue("good") }, { value: azureValue("bad") }],
    ["oci_registry", { value: "good", username: "u" }, { value: "bad", username: "u" }],
  ])("%s becomes valid or invalid, and its etag stays", async (kind, right, wrong) => {
    const made = await createAkuaSecret(coffer, { kind, ...right });
    const refused = await createAkuaSecret(coffer, { kind, ...wrong });
    expect(made.validation).toEqual({ state: "unspecified", validated_at: 0 });
    const { validation, ...rest } = await tried(made);
    expect(validation).toMatchObject({ state: "valid" });
    expect(Math.abs((validation?.validated_at ?? 0) - Date.now() / 1000)).toBeLessThan(10);
    expect({ ...rest, validation: made.validation }).toEqual(made);
    expect((await tried(refused)).validation).toMatchObject({ state: "invalid", error: expect.stringContaining(" ") });
    const { validation: typed } = await getSecret(coffer, made);
    expect(typed).toMatchObject({ state: CredentialState.VALID, error: "" });
    const { due_in_s: dueInS } = await rowOf(made);
    expect(dueInS).toBeGreaterThan(24 * 3_600 * 0.79);
    expect(dueInS).toBeLessThan(24 * 3_600 * 1.21);
  });

  it("a generic secret is not tried, and has no validation", async () => {
    const secret = await createAkuaSecret(coffer, { value: "good-generic" });
    expect(secret.validation).toBeNull();
    await again(secret);
    await sleep(200);
    expect(services.callsWith("good-generic")).toEqual([]);
  });

  it("the answer does not wait for a service that hangs", async () => {
    const begin = performance.now();
    const secret = await hcloud("hang-create");
    expect(performance.now() - begin).toBeLessThan(2_000);
    await until("it is being tried", async () => services.callsWith("hang-create").length === 1);
    expect((await getAkuaSecret(coffer, secret)).validation?.state).toBe("unspecified");
  });

  it("the value left only after its audit event, which the system wrote", async () => {
    const secret = await tried(await hcloud("good-audited"));
    const [made, opened, ...others] = await eventsOf(secret);
    expect(made).toMatchObject({ method: "coffer.rest.akua.v1.SecretService/CreateSecret" });
    expect(opened).toMatchObject({
      ...{ principal_id: "system", method: "coffer.jobs/RevalidateCredentials", rule: "system" },
      ...{ resource_type: "secret", version_number: 1, decision: "ALLOW", result: "OK", token_id: "" },
    });
    expect(others).toEqual([]);
  });

  it("a secret that is not revealable is tried too", async () => {
    const { id } = await createSecret(coffer, {
      ...{ kind: "cloud_provider/hcloud", value: data("good-hidden"), revealable: false },
    });
    expect((await tried({ id })).validation?.state).toBe("valid");
  });
});

describe("another current version", () => {
  it("begins anew, and is tried", async () => {
    const secret = await tried(await hcloud("good"));
    await addAkuaVersion(coffer, secret, "hang-version");
    const { validation } = await getAkuaSecret(coffer, secret);
    expect(validation).toEqual({ state: "unspecified", validated_at: 0 });
    await until("it is being tried", async () => services.callsWith("hang-version").length === 1);
    await addAkuaVersion(coffer, secret, "bad");
    await until(
      "the newest is tried",
      async () => {
        await revalidateDue(coffer.deps, coffer.deps.database);
        return (await getAkuaSecret(coffer, secret)).validation?.state === "invalid";
      },
      12_000,
    );
  });

  it("is what is left when the newest is disabled", async () => {
    const secret = await tried(await hcloud("good"));
    const version = await addAkuaVersion(coffer, secret, "bad");
    await until("it is tried", async () => (await getAkuaSecret(coffer, secret)).validation?.state === "invalid");
    const init = { method: "POST", headers: { "if-match": version.etag } };
    expect((await coffer.fetch(`/v1/secrets/${secret.id}/versions/${version.id}:disable`, init)).status).toBe(200);
    // No job runs here: the call itself has it tried.
    expect((await tried(secret)).validation?.state).toBe("valid");
    const enable = { method: "POST", headers: { "if-match": "2" } };
    expect((await coffer.fetch(`/v1/secrets/${secret.id}/versions/${version.id}:enable`, enable)).status).toBe(200);
    expect((await tried(secret)).validation?.state).toBe("invalid");
  });

  it("keeps what was given beside the first value", async () => {
    const secret = await createAkuaSecret(coffer, { kind: "oci_registry", value: "bad", username: "someone" });
    expect((await tried(secret)).validation?.state).toBe("invalid");
    await addAkuaVersion(coffer, secret, "good-second");
    expect((await tried(secret)).validation?.state).toBe("valid");
    expect(await readAkua(coffer, secret.id, "latest")).toBe("good-second");
    expect((await getSecret(coffer, secret)).credentialFields).toEqual({ username: "someone" });
  });
});

describe("a try that tells nothing", () => {
  it.each(["500", "429", "redirect", "huge", "cut"])(
    "%s: a reason, and another try with a longer delay",
    async (value) => {
      const secret = await tried(await hcloud(`${value}-once`));
      expect(secret.validation).toMatchObject({ state: "unspecified", error: expect.stringMatching(/service/) });
      const first = await rowOf(secret);
      expect(first).toMatchObject({ validation_failures: 1, validation_lease: null });
      expect(first["due_in_s"]).toBeGreaterThan(45);
      expect(first["due_in_s"]).toBeLessThan(73);
      await again(secret);
      await until("the second try is noted", async () => (await rowOf(secret))["validation_failures"] === 2);
      const second = await rowOf(secret);
      expect(second["due_in_s"]).toBeGreaterThan(94);
      expect(second["due_in_s"]).toBeLessThan(145);
      expect(services.callsWith(`${value}-once`).length).toBe(2);
      expect(await eventsOf(secret)).toHaveLength(3);
    },
  );

  it("leaves a verdict as it was, and its time", async () => {
    const secret = await tried(await hcloud("good"));
    const before = await rowOf(secret);
    // The same value, while the service is unavailable.
    const away = await startCoffer({
      besides: coffer,
      env: { ...services.env, COFFER_VALIDATION_HCLOUD_URL: "http://127.0.0.1:1" },
    });
    try {
      await coffer.sql("update secret set validate_after = now() where secret_id = $1", [secret.id]);
      await revalidateDue(away.deps, away.deps.database);
      await until("it is noted", async () => (await rowOf(secret))["validation_failures"] === 1);
      expect(await rowOf(secret)).toMatchObject({ validation_state: "VALID", validate_time: before["validate_time"] });
      const { validation } = await getAkuaSecret(coffer, secret);
      expect(validation).toMatchObject({ state: "valid", error: "the service cannot be reached" });
    } finally {
      await away.close();
    }
    await again(secret);
    await until("it is tried again", async () => (await rowOf(secret))["validation_failures"] === 0);
    expect((await getAkuaSecret(coffer, secret)).validation).toMatchObject({ state: "valid" });
  });

  it("because the address is not public: nothing is sent, unless the configuration allows it", async () => {
    const { COFFER_VALIDATION_ALLOW_PRIVATE: _, ...env } = services.env;
    const strict = await startCoffer({ besides: coffer, env });
    try {
      const secret = await tried(await hcloud("good-strict", strict), strict);
      expect(secret.validation).toMatchObject({
        state: "unspecified",
        error: expect.stringMatching(/not a public one/),
      });
      expect(services.callsWith("good-strict")).toEqual([]);
      await again(secret);
      await until(
        "it is allowed here",
        async () => (await getAkuaSecret(coffer, secret)).validation?.state === "valid",
      );
    } finally {
      await strict.close();
    }
  });

  it("because something is missing: it waits for another value, not for another time", async () => {
    const secret = await tried(await createAkuaSecret(coffer, { kind: "cloud_provider/aws", value: "alone" }));
    expect(secret.validation).toMatchObject({
      state: "unspecified",
      error: expect.stringMatching(/aws_access_key_id/),
    });
    expect((await rowOf(secret))["due_in_s"]).toBeNull();
  });

  it("because no registry is configured: the value is not even opened", async () => {
    const { COFFER_VALIDATION_OCI_REGISTRY_URL: _, ...env } = services.env;
    const without = await startCoffer({ besides: coffer, env });
    try {
      const made = await createAkuaSecret(without, { kind: "oci_registry", value: "good", username: "nobody" });
      const secret = await tried(made, without);
      expect(secret.validation).toMatchObject({ state: "unspecified", error: expect.stringMatching(/configured/) });
      expect(await eventsOf(secret)).toHaveLength(1);
    } finally {
      await without.close();
    }
  });

  it("because what is stored does not authenticate: it is audited, and nothing is sent", async () => {
    const secret = await tried(await hcloud("good-corrupt"));
    const sent = services.callsWith("good-corrupt").length;
    await coffer.sql(
      "update secret_version set envelope = set_byte(envelope, length(envelope) - 1, get_byte(envelope, length(envelope) - 1) # 1) where secret_id = $1",
      [secret.id],
    );
    await again(secret);
    await until("it is noted", async () => (await rowOf(secret))["validation_failures"] === 1);
    expect((await eventsOf(secret)).map((event) => event["result"])).toEqual(["OK", "OK", "OK", "VALUE_CORRUPT"]);
    expect(services.callsWith("good-corrupt").length).toBe(sent);
  });
});

describe("several instances", () => {
  it("try a secret once, however many of them find it", async () => {
    const others = await Promise.all([1, 2].map(() => startCoffer({ besides: coffer, env: services.env })));
    try {
      const made = await Promise.all(Array.from({ length: 12 }, (_, index) => hcloud(`good-shared-${index}.`)));
      for (const secret of made) await tried(secret);
      const ids = made.map(({ id }) => id);
      await coffer.sql("update secret set validate_after = now() where secret_id = any ($1)", [ids]);
      await Promise.all([coffer, ...others].map(({ deps }) => revalidateDue(deps, deps.database)));
      await until("all are tried again", async () => {
        const rows = await coffer.sql("select 1 from secret where secret_id = any ($1) and validate_after <= now()", [
          ids,
        ]);
        return rows.length === 0;
      });
      await sleep(300);
      for (const index of made.keys()) expect(services.callsWith(`good-shared-${index}.`)).toHaveLength(2);
    } finally {
      for (const other of others) await other.close();
    }
  });

  it("leave each other's tries alone until the lease ends", async () => {
    const secret = await tried(await hcloud("good-leased"));
    await coffer.sql(
      "update secret set validate_after = now(), validation_lease = now() + interval '1 hour' where secret_id = $1",
      [secret.id],
    );
    await revalidateDue(coffer.deps, coffer.deps.database);
    coffer.deps.validations.enqueue({ workspaceId: secret.workspace_id, secretId: secret.id });
    await sleep(300);
    expect(services.callsWith("good-leased")).toHaveLength(1);
    await coffer.sql("update secret set validation_lease = now() - interval '1 second' where secret_id = $1", [
      secret.id,
    ]);
    await revalidateDue(coffer.deps, coffer.deps.database);
    await until("it is tried", async () => services.callsWith("good-leased").length === 2);
  });

  it("that stop leave their tries to the next one, which finds them when it starts", async () => {
    const stopping = await startCoffer({ besides: coffer, env: services.env });
    const secret = await hcloud("hang-stop", stopping);
    await until("it is being tried", async () => services.callsWith("hang-stop").length === 1);
    await stopping.close();
    expect(await rowOf(secret)).toMatchObject({ validation_lease: null, validation_failures: 0 });
    const next = await startCoffer({ besides: coffer, env: { ...services.env, ...eagerJobs } });
    try {
      await until("it is tried again", async () => services.callsWith("hang-stop").length === 2);
    } finally {
      await next.close();
    }
  });

  it("that do not try leave secrets due for those that do", async () => {
    const off = await startCoffer({ besides: coffer, env: { ...services.env, COFFER_VALIDATION: "off" } });
    try {
      const secret = await hcloud("good-later", off);
      await sleep(200);
      expect(services.callsWith("good-later")).toEqual([]);
      await revalidateDue(coffer.deps, coffer.deps.database);
      expect((await tried(secret)).validation?.state).toBe("valid");
    } finally {
      await off.close();
    }
  });
});

it("a soft-deleted secret is not tried, and again once it is back", async () => {
  const { id } = await tried(await hcloud("good-deleted"));
  const { secrets } = coffer.clients();
  await secrets.deleteSecret(byId(id));
  await again({ id });
  await sleep(200);
  expect(services.callsWith("good-deleted")).toHaveLength(1);
  await secrets.undeleteSecret({ id });
  await revalidateDue(coffer.deps, coffer.deps.database);
  await until("it is tried", async () => services.callsWith("good-deleted").length === 2);
});

it("values are nowhere in clear: not in any table, not in the log, not in errors", async () => {
  const canaries = ["canary-good", "canary-bad", "canary-500", "canary-cut", "canary-429"].map(
    (mode) => `${mode}-7f31c`,
  );
  const secrets = await Promise.all(canaries.map((value) => hcloud(value)));
  const google = await createAkuaSecret(coffer, { kind: "cloud_provider/gcp", value: googleValue("canary-bad-7f31c") });
  const shown = await Promise.all([...secrets, google].map((secret) => tried(secret)));
  for (const canary of canaries) expect(services.callsWith(canary).length).toBeGreaterThan(0);
  const tables = await coffer.sql("select table_name from information_schema.tables where table_schema = 'public'");
  expect(tables.length).toBeGreaterThan(8);
  for (const { table_name: table } of tables) {
    const rows = await coffer.sql(`select t::text as row from "${table}" t`);
    expect(textsIn(rows.map(({ row }) => row).join("\n"), canaries)).toEqual([]);
  }
  expect(textsIn(coffer.logLines.join("\n"), [...canaries, "good-audited"])).toEqual([]);
  expect(textsIn(JSON.stringify(shown), canaries)).toEqual([]);
});
