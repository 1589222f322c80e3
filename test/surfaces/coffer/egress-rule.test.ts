// Egress rules on secrets: taken, shown, changed, refused, and worth nothing once SQL has touched them.
import { describe, expect, it } from "vitest";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid } from "../../support/errors.ts";
import { twice } from "../../support/replay.ts";
import {
  byId,
  bytes,
  createSecret,
  data,
  getSecret,
  keyValues,
  newName,
  type SecretInit,
} from "../../support/secrets.ts";

const coffer = useCoffer();

const bearer = { auth: { type: "bearer" }, hosts: ["api.example.com"] };
const create = (egress: SecretInit["egress"], init: SecretInit = {}) => createSecret(coffer, { egress, ...init });
const update = (secret: object, paths?: string[]) =>
  coffer.clients().secrets.updateSecret({ secret, ...(paths ? { updateMask: { paths } } : {}) });

describe("takes and shows", () => {
  it("a preset, with what it stands for", async () => {
    const { egress, lastUsedTime } = await create({ provider: "github" });
    expect(egress).toMatchObject({
      provider: "github",
      hosts: ["api.github.com", "github.com"],
      auth: {
        perHost: [
          { hosts: ["api.github.com"], type: "bearer" },
          { hosts: ["github.com"], type: "basic", username: "x-access-token" },
        ],
      },
    });
    expect([egress?.auth?.type, lastUsedTime]).toEqual([undefined, undefined]);
  });

  it.each([
    [{ type: "bearer" }],
    [{ type: "basic", username: "me" }],
    [{ type: "api-key", header: "X-Key", prefix: "Key " }],
    [{ type: "custom", headers: { "x-a": "{{ value }}", "x-b": "b {{ value }}!" } }],
  ])("auth %j", async (auth) => {
    const { egress } = await create({ auth, hosts: ["API.example.com", "*.example.org"] });
    expect(egress).toMatchObject({ auth, hosts: ["api.example.com", "*.example.org"] });
    expect(egress?.provider).toBeUndefined();
  });

  it("auth host by host, and limits in one form", async () => {
    const perHost = [
      { hosts: ["a.example.com"], type: "bearer" },
      { hosts: ["b.example.com"], type: "basic" },
    ];
    const { egress } = await create({
      auth: { perHost },
      hosts: ["*.example.com"],
      methods: ["get", "POST", "GET"],
      pathPrefixes: ["/v1/", "/v2/x"],
      requestsPerMinute: 60,
      bytesPerHour: 10n ** 12n,
    });
    expect(egress).toMatchObject({
      auth: { perHost },
      methods: ["GET", "POST"],
      pathPrefixes: ["/v1", "/v2/x"],
      requestsPerMinute: 60,
      bytesPerHour: 10n ** 12n,
    });
  });

  it("nothing where there is none", async () => {
    expect((await createSecret(coffer)).egress).toBeUndefined();
  });

  it("when its value was last sent", async () => {
    const { id } = await create(bearer);
    await coffer.sql("update secret set last_used_time = '2026-01-02T03:04:05Z' where secret_id = $1", [id]);
    expect((await getSecret(coffer, { id })).lastUsedTime?.seconds).toBe(BigInt(Date.UTC(2026, 0, 2, 3, 4, 5) / 1000));
  });
});

describe("UpdateSecret", () => {
  it("sets, replaces and clears it, and leaves it when it names something else", async () => {
    const { id } = await createSecret(coffer);
    expect((await update({ id, egress: bearer })).secret).toMatchObject({ egress: bearer, etag: "2" });
    expect((await update({ id, egress: { provider: "openai" } }, ["egress"])).secret?.egress?.provider).toBe("openai");
    expect((await update({ id, description: "d" })).secret?.egress?.provider).toBe("openai");
    expect((await update({ id }, ["egress"])).secret?.egress).toBeUndefined();
    const [row] = await coffer.sql("select egress_rule, egress_mac from secret where secret_id = $1", [id]);
    expect(row).toEqual({ egress_rule: null, egress_mac: null });
  });

  it("takes a secret as it was shown", async () => {
    const secret = await create({ provider: "stripe", methods: ["POST"], requestsPerMinute: 5, bytesPerHour: 7n });
    const { secret: same } = await update({ id: secret.id, egress: secret.egress, description: "d" });
    expect(same?.egress).toEqual(secret.egress);
  });

  it("once for one idempotency key", async () => {
    const { id } = await createSecret(coffer);
    const { first, second } = await twice(newName(), (options) =>
      coffer.clients().secrets.updateSecret({ secret: { id, egress: bearer } }, options),
    );
    expect([first.replayed, second.replayed]).toEqual([false, true]);
    expect(second.answer).toEqual(first.answer);
  });

  it("takes secrets.update", async () => {
    const { id } = await createSecret(coffer);
    const { secrets } = coffer.clients(await coffer.tokenWithRole(Role.VIEWER));
    await expectError(secrets.updateSecret({ secret: { id, egress: bearer } }), denied("secrets.update"));
    expect((await getSecret(coffer, { id })).egress).toBeUndefined();
  });

  it("names what is wrong below secret.egress", async () => {
    const { id } = await createSecret(coffer);
    await expectError(
      update({ id, egress: { auth: { type: "bearer" }, hosts: ["localhost"], methods: ["G T"] } }),
      invalid("secret.egress.hosts[0]", "secret.egress.methods[0]"),
    );
  });
});

describe("CreateSecret rejects", () => {
  it.each<[string, NonNullable<SecretInit["egress"]>, string[]]>([
    ["an empty rule", {}, ["egress.provider"]],
    ["an unknown preset", { provider: "nobody" }, ["egress.provider"]],
    ["a preset with hosts", { provider: "openai", hosts: ["a.example.com"] }, ["egress.hosts"]],
    ["a preset with another auth", { provider: "openai", auth: { type: "basic" } }, ["egress.auth"]],
    ["hosts alone", { hosts: ["a.example.com"] }, ["egress.auth"]],
    ["auth alone", { auth: { type: "bearer" } }, ["egress.hosts"]],
    ["an unknown type", { auth: { type: "oauth" }, hosts: ["a.example.com"] }, ["egress.auth.type"]],
    ["a header for bearer", { auth: { type: "bearer", header: "x" }, hosts: ["a.b.c"] }, ["egress.auth.header"]],
    [
      "hosts that are none",
      { ...bearer, hosts: ["https://a.b", "a.b:1", "127.0.0.1", "*", "*.com", "a.b/c"] },
      [0, 1, 2, 3, 4, 5].map((i) => `egress.hosts[${i}]`),
    ],
    [
      "methods and paths",
      { ...bearer, methods: ["TRACE", "GET "], pathPrefixes: ["v1", "/", "/a/../b", "/a?b", "/%61"] },
      [...[0, 1].map((i) => `egress.methods[${i}]`), ...[0, 1, 2, 3, 4].map((i) => `egress.path_prefixes[${i}]`)],
    ],
    [
      "counts out of bounds",
      { provider: "openai", requestsPerMinute: 0, bytesPerHour: 2n ** 63n },
      ["egress.requests_per_minute", "egress.bytes_per_hour"],
    ],
    [
      "what is wrong host by host",
      {
        auth: {
          perHost: [
            { hosts: ["a.b.c"], type: "bearer", username: "u" },
            { hosts: ["a.b"], type: "x" },
          ],
        },
        hosts: ["a.b.c"],
      },
      ["egress.auth.per_host[0].username", "egress.auth.per_host[1].type"],
    ],
  ])("%s", async (_, egress, fields) => {
    const name = newName();
    await expectError(create(egress, { name }), invalid(...fields));
    expect(await coffer.sql("select 1 from secret where name = $1", [name])).toEqual([]);
  });

  it.each<[string, SecretInit, string]>([
    ["a line feed", { value: data("a\nb") }, "data"],
    ["a space at its end", { value: data("key ") }, "data"],
    ["what is no ASCII", { value: data("schlüssel") }, "data"],
    ["random bytes", { value: { case: "generate", value: { byteLength: 32 } } }, "generate.byte_length"],
    ["parts without `value`", { value: keyValues({ key: bytes("a") }) }, "key_values.values"],
    ["a part `value` with a NUL", { value: keyValues({ value: bytes("a\0") }) }, 'key_values.values["value"]'],
  ])("a value with %s that goes into a header", async (_, init, field) => {
    await expectError(create(bearer, init), invalid(field));
  });

  it("for basic credentials, which are encoded, only what is no text, or has control characters", async () => {
    const basic = { auth: { type: "basic" }, hosts: ["a.example.com"] };
    expect(await create(basic, { value: data(" passwört ") })).toMatchObject({ versionCount: 1 });
    await expectError(create(basic, { value: data("pass\nwort") }), invalid("data"));
    await expectError(create(basic, { value: { case: "data", value: Uint8Array.of(0xff, 0x41) } }), invalid("data"));
    const generate = { case: "generate", value: { byteLength: 32 } } as const;
    await expectError(create(basic, { value: generate }), invalid("generate.byte_length"));
    expect(await create(bearer, { value: data("a b~") })).toMatchObject({ versionCount: 1 });
  });
});

describe("AddSecretVersion", () => {
  it("takes what fits the rule, and nothing else", async () => {
    const { id } = await create(bearer);
    const { secrets } = coffer.clients();
    await expectError(secrets.addSecretVersion({ ...byId(id), value: data("a\r\nb") }), invalid("data"));
    expect((await getSecret(coffer, { id })).versionCount).toBe(1);
    await secrets.addSecretVersion({ ...byId(id), value: data("fits") });
    await update({ id }, ["egress"]);
    await secrets.addSecretVersion({ ...byId(id), value: data("a\r\nb") });
  });
});
