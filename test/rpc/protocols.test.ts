// One port, every protocol: the same calls, the same answers, the same errors.
import { createClient, type Transport } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { AccessService } from "../../gen/coffer/v1/access_service_pb.ts";
import { AuditService } from "../../gen/coffer/v1/audit_service_pb.ts";
import { EgressService } from "../../gen/coffer/v1/egress_service_pb.ts";
import { ExternalVaultService } from "../../gen/coffer/v1/external_vault_service_pb.ts";
import { KeyService } from "../../gen/coffer/v1/key_service_pb.ts";
import { SecretState } from "../../gen/coffer/v1/secret_pb.ts";
import { SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import { Role, TokenService } from "../../gen/coffer/v1/token_service_pb.ts";
import { WorkspaceService } from "../../gen/coffer/v1/workspace_service_pb.ts";
import { useCoffer } from "../support/coffer.ts";
import { denied, errorOf, expectError } from "../support/errors.ts";
import { printed } from "../support/printed.ts";
import { withKey } from "../support/replay.ts";
import {
  byId,
  byName,
  bytes,
  createSecret,
  data,
  keyValues,
  newName,
  present,
  textOf,
  unknownSecretId,
} from "../support/secrets.ts";
import { protocols, transportFor, transportsOf } from "../support/transports.ts";

const coffer = useCoffer();
const clientFor = (protocol: string, token = coffer.ownerToken) =>
  createClient(SecretService, transportFor(protocol, coffer.url, token));

describe.each(protocols)("%s", (protocol) => {
  it("takes a secret through its life", async () => {
    const secrets = clientFor(protocol);
    const { secret } = await secrets.createSecret({ name: newName(), value: data("v1"), labels: { a: "1" } });
    const { id, name } = present(secret);
    expect((await secrets.getSecret(byName(name))).secret).toEqual(secret);
    expect((await secrets.listSecrets({ namePrefix: name })).secrets).toEqual([secret]);
    await secrets.addSecretVersion({ ...byId(id), value: data("v2") });
    expect(textOf(await secrets.getSecretValue(byId(id)))).toBe("v2");
    expect((await secrets.deleteSecret(byId(id))).secret?.state).toBe(SecretState.SOFT_DELETED);
    expect((await secrets.undeleteSecret({ id })).secret?.state).toBe(SecretState.ACTIVE);
  });

  it("says its request id, the client's own when it is a plain word, in answers and in errors", async () => {
    const secrets = clientFor(protocol);
    const header = async (given: Record<string, string>) => {
      let answered = "";
      await secrets.listSecrets(
        {},
        { headers: given, onHeader: (headers) => (answered = headers.get("x-request-id") ?? "") },
      );
      const { error } = await errorOf(secrets.getSecret(byId(unknownSecretId), { headers: given }));
      return [answered, error.metadata.get("x-request-id")];
    };
    expect(await header({ "x-request-id": "my.request-1" })).toEqual(["my.request-1", "my.request-1"]);
    for (const odd of [{}, { "x-request-id": "two words" }, { "x-request-id": "x".repeat(65) }]) {
      const own = await header(odd);
      for (const id of own) expect(id).toMatch(/^req_[0-9a-z]{26}$/);
      expect(own[0]).not.toBe(own[1]);
    }
  });

  it("says that nothing may store its answers", async () => {
    let cacheControl: string | null = null;
    await clientFor(protocol).listSecrets({}, { onHeader: (headers) => (cacheControl = headers.get("cache-control")) });
    expect(cacheControl).toBe("no-store");
  });
});

/** The parts of an error that a caller can act on. Clients of JSON spell fields in lowerCamelCase, and so do errors to them. */
async function seen(call: Promise<unknown>): Promise<unknown> {
  const { error, ...rest } = await errorOf(call);
  expect(printed(error)).not.toContain("canary");
  return JSON.parse(JSON.stringify(rest).replaceAll("keyValues", "key_values").replaceAll("pageToken", "page_token"));
}

describe("the same error in every protocol", () => {
  const failing: [string, string, (transport: Transport) => Promise<unknown>][] = [
    [
      "broken rules",
      "FIELD_INVALID",
      (transport) =>
        createClient(SecretService, transport).createSecret({
          name: "a//b",
          description: "canary".repeat(500),
          labels: { "": "x" },
          value: keyValues({ "a b": bytes("canary") }),
        }),
    ],
    [
      "a missing secret",
      "SECRET_NOT_FOUND",
      (transport) => createClient(SecretService, transport).getSecret(byId("x")),
    ],
    [
      "a taken name",
      "NAME_TAKEN",
      (transport) => createClient(SecretService, transport).createSecret({ name: "taken", value: data("canary") }),
    ],
    [
      "a stale etag",
      "ETAG_MISMATCH",
      (transport) => createClient(SecretService, transport).deleteSecret({ ...byName("taken"), etag: "99" }),
    ],
    [
      "a wrong page token",
      "FIELD_INVALID",
      (transport) => createClient(SecretService, transport).listSecrets({ pageToken: "canary" }),
    ],
    [
      "a workspace out of reach",
      "WORKSPACE_NOT_REACHED",
      (transport) => createClient(WorkspaceService, transport).getWorkspace({ workspaceId: "ws_x" }),
    ],
  ];

  it.each(failing)("for %s", async (_, reason, call) => {
    if (reason === "NAME_TAKEN") await createSecret(coffer, { name: "taken" });
    const errors = new Map<string, unknown>();
    for (const [name, transport] of transportsOf(coffer.url, coffer.ownerToken)) {
      errors.set(name, await seen(call(transport)));
    }
    const [first] = errors.values();
    expect(first).toMatchObject({ reason });
    for (const [name, error] of errors) expect([name, error]).toEqual([name, first]);
  });

  it("for a permission that is missing", async () => {
    const viewer = await coffer.tokenWithRole(Role.VIEWER);
    for (const protocol of protocols) {
      const call = clientFor(protocol, viewer).createSecret({ name: newName(), value: data("v") });
      await expectError(call, denied("secrets.create"));
    }
  });
});

describe("every unary RPC", () => {
  const services = [
    AccessService,
    AuditService,
    EgressService,
    ExternalVaultService,
    KeyService,
    SecretService,
    TokenService,
    WorkspaceService,
  ];
  it.each(protocols)("denies without a token over %s, before it looks at the request", async (protocol) => {
    const transport = transportFor(protocol, coffer.url);
    for (const service of services) {
      const client = createClient(service, transport) as unknown as Record<
        string,
        (request: object) => Promise<unknown>
      >;
      for (const method of service.methods) {
        const call = client[method.localName] as (request: object) => Promise<unknown>;
        await expectError(call({}), {
          code: "Unauthenticated",
          reason: "CREDENTIAL_MISSING",
          fields: [],
          metadata: {},
        });
      }
    }
    expect(services.flatMap(({ methods }) => methods)).toHaveLength(69);
  });
});

describe("a replay", () => {
  it("is one whatever protocol it comes by, and whatever the order of maps", async () => {
    const name = newName();
    const [forth, back] = [
      { labels: { a: "1", b: "2" }, value: keyValues({ x: bytes("1"), y: bytes("2"), z: bytes("3") }) },
      { labels: { b: "2", a: "1" }, value: keyValues({ z: bytes("3"), x: bytes("1"), y: bytes("2") }) },
    ];
    const ids = new Set<string>();
    const replays: boolean[] = [];
    for (const [index, protocol] of protocols.entries()) {
      const request = { name, ...(index % 2 === 0 ? forth : back) };
      const { answer, replayed } = await withKey("across", (options) =>
        clientFor(protocol).createSecret(request, options),
      );
      ids.add(present(answer.secret).id);
      replays.push(replayed);
    }
    expect(replays).toEqual(protocols.map((_, index) => index > 0));
    expect(ids.size).toBe(1);
    const json = { name, key_values: { values: { y: "Mg", z: "Mw==", x: "MQ==" } }, labels: { b: "2", a: "1" } };
    const response = await coffer.fetch("/coffer.v1.SecretService/CreateSecret", {
      json,
      headers: { "idempotency-key": '"across"' },
    });
    expect([response.status, response.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
  });

  it.each(protocols)("is refused over %s when a part of the value differs", async (protocol) => {
    const name = newName();
    const call = (text: string) =>
      withKey(`differs ${protocol}`, (options) =>
        clientFor(protocol).createSecret({ name, value: keyValues({ a: bytes(text) }) }, options),
      );
    expect((await call("1")).replayed).toBe(false);
    expect((await call("1")).replayed).toBe(true);
    await expectError(call("2"), { code: "FailedPrecondition", reason: "IDEMPOTENCY_KEY_REUSED" });
  });
});
