// Each kind of credential against its service, played over real HTTP: taken, refused, or nothing told.
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, BlockList } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ProbeUrls } from "../../src/probes/endpoints.ts";
import { createProber, type ProbeSettings } from "../../src/probes/prober.ts";
import { azureValue, googleValue, type Services, startServices } from "../support/services.ts";

let services: Services;
let settings: ProbeSettings;
beforeAll(async () => {
  services = await startServices();
  const allowed = new BlockList();
  allowed.addAddress("127.0.0.1");
  const urls: Partial<ProbeUrls> = {
    hcloud: `${services.origin}/hcloud/v1`,
    aws: `${services.origin}/aws`,
    gcp: `${services.origin}/gcp/token`,
    azure: `${services.origin}/azure`,
    ociRegistry: `${services.origin}/oci`,
    cloudflare: `${services.origin}/cloudflare`,
  };
  settings = { isOn: true, urls: urls as ProbeUrls, allowed, revalidateAfterMs: 1 };
});
afterAll(() => services.close());

const now = () => new Date();
const prober = (change: Partial<ProbeSettings> = {}) => createProber({ ...settings, ...change }, now);
const probe = (kind: string, parts: Record<string, string>) => prober().probe(kind, new Map(Object.entries(parts)));

const awsParts = (value: string, aws_access_key_id = "AKIAGOOD000000000000") => ({ value, aws_access_key_id });
const otherKey = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
}).privateKey;

describe("a credential that its service takes is valid", () => {
  it.each<[kind: string, parts: Record<string, string>]>([
    ["cloud_provider/hcloud", { value: "good" }],
    ["cloud_provider/hcloud", { value: " good\n" }],
    ["cloudflare_api", { value: "good" }],
    ["cloud_provider/aws", awsParts("good-aws-secret/+")],
    ["cloud_provider/aws", { ...awsParts("good-aws-secret/+"), aws_session_token: "session" }],
    ["cloud_provider/gcp", { value: googleValue("good") }],
    ["cloud_provider/azure", { value: azureValue("good") }],
    ["cloud_provider/azure", { value: JSON.stringify({ tenantId: "tenant-1", clientId: "c", clientSecret: "good" }) }],
    ["cloud_provider/azure", { value: JSON.stringify({ tenant: "tenant-1", appId: "c", password: "good" }) }],
    ["cloud_provider/azure", { tenant_id: "tenant-1", client_id: "c", client_secret: "good" }],
    ["oci_registry", { value: "good:with:colons", username: "someone" }],
  ])("%s %j", async (kind, parts) => {
    expect(await probe(kind, parts)).toEqual({ state: "VALID" });
  });
});

describe("a credential that its service refuses is invalid, with a reason that repeats nothing", () => {
  it.each<[kind: string, parts: Record<string, string>]>([
    ["cloud_provider/hcloud", { value: "canary" }],
    ["cloudflare_api", { value: "canary" }],
    ["cloudflare_api", { value: "canary-good-expired" }],
    ["cloud_provider/aws", awsParts("canary")],
    ["cloud_provider/aws", awsParts("canary", "AKIABAD0000000000000")],
    ["cloud_provider/gcp", { value: googleValue("canary") }],
    ["cloud_provider/gcp", { value: googleValue("canary-good", otherKey) }],
    ["cloud_provider/azure", { value: azureValue("canary") }],
    ["oci_registry", { value: "canary", username: "someone" }],
  ])("%s %j", async (kind, parts) => {
    const before = services.calls.length;
    const verdict = await probe(kind, parts);
    expect(verdict).toEqual({ state: "INVALID", error: expect.stringMatching(/^[\w ',.-]{10,80}$/) });
    expect(JSON.stringify(verdict)).not.toContain("canary");
    expect(services.calls.length).toBeGreaterThan(before);
  });
});

describe("what can be no such credential is invalid without a request", () => {
  it.each<[kind: string, parts: Record<string, string>]>([
    ["cloud_provider/hcloud", { value: "canary\r\nX-Injected: 1" }],
    ["cloud_provider/hcloud", { value: "two words" }],
    ["cloud_provider/hcloud", { value: "ключ" }],
    ["cloud_provider/hcloud", { value: "\n" }],
    ["cloud_provider/hcloud", { other: "good" }],
    ["cloudflare_api", { value: "canary\u0000" }],
    ["cloud_provider/aws", awsParts("good-aws-secret/+", "AKIA/../\r\nx: y")],
    ["cloud_provider/gcp", { value: "canary" }],
    ["cloud_provider/gcp", { value: "[]" }],
    ["cloud_provider/gcp", { value: JSON.stringify({ client_email: "a@b", private_key: "canary" }) }],
    ["cloud_provider/azure", { value: "canary" }],
    ["cloud_provider/azure", { value: JSON.stringify({ tenant_id: "../../x", client_id: "c", client_secret: "s" }) }],
    ["oci_registry", { value: "canary", username: "some:one" }],
  ])("%s %j", async (kind, parts) => {
    const before = services.calls.length;
    expect(await probe(kind, parts)).toEqual({ state: "INVALID", error: expect.any(String) });
    expect(services.calls.length).toBe(before);
  });
});

describe("what cannot be tried is told apart, without a request", () => {
  it.each<[kind: string, parts: Record<string, string>]>([
    ["cloud_provider/aws", { value: "good-aws-secret/+" }],
    ["oci_registry", { value: "good" }],
    ["cloud_provider/azure", { value: JSON.stringify({ tenant_id: "t", client_id: "c", certificate: "…" }) }],
    ["cloudflare_api", { value: "cfat_good" }],
    ["generic", { value: "good" }],
    ["toString", { value: "good" }],
  ])("%s %j", async (kind, parts) => {
    const before = services.calls.length;
    expect(await probe(kind, parts)).toEqual({ state: "UNKNOWN", error: expect.any(String), isWorthRetrying: false });
    expect(services.calls.length).toBe(before);
  });

  it("a service that is not configured", () => {
    const withoutRegistry = prober({ urls: { ...settings.urls, ociRegistry: undefined } });
    expect(withoutRegistry.obstacleTo("oci_registry")).toMatch(/configured/);
    expect(withoutRegistry.obstacleTo("cloud_provider/aws")).toBeUndefined();
  });
});

describe("an answer that tells nothing about the credential is no verdict", () => {
  it.each(["500", "429", "redirect", "huge", "cut"])("%s", async (value) => {
    const unknown = { state: "UNKNOWN", error: expect.any(String), isWorthRetrying: true };
    expect(await probe("cloud_provider/hcloud", { value })).toEqual(unknown);
    expect(await probe("cloudflare_api", { value })).toEqual(unknown);
    expect(await probe("cloud_provider/azure", { value: azureValue(value) })).toEqual(unknown);
    expect(await probe("cloud_provider/gcp", { value: googleValue(value) })).toEqual(unknown);
    expect(await probe("oci_registry", { value, username: "someone" })).toEqual(unknown);
    expect(services.calls.filter(({ path }) => path.includes("elsewhere"))).toEqual([]);
  });

  it.each(["hang", "trickle"])(
    "%s, after five seconds",
    async (value) => {
      const begin = performance.now();
      expect(await probe("cloud_provider/hcloud", { value })).toMatchObject({
        error: "the service did not answer in time",
        isWorthRetrying: true,
      });
      expect(performance.now() - begin).toBeGreaterThan(4_900);
      expect(performance.now() - begin).toBeLessThan(6_500);
    },
    10_000,
  );

  it("from an address that is not public and not allowed, to which nothing is sent", async () => {
    const strict = prober({ allowed: new BlockList() });
    const verdict = await strict.probe("cloud_provider/hcloud", new Map([["value", "canary-private"]]));
    expect(verdict).toMatchObject({ state: "UNKNOWN", isWorthRetrying: true });
    expect(services.callsWith("canary-private")).toEqual([]);
  });

  it("from a registry whose token server is elsewhere and not under TLS: the password stays here", async () => {
    const asked = { value: "canary-good", username: "elsewhere" };
    const registry = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.setHeader("www-authenticate", `Bearer realm="${services.origin}/oci-token",service="s"`);
      response.statusCode = 401;
      response.end();
    });
    const seen: unknown[] = [];
    registry.listen(0, "127.0.0.1");
    await once(registry, "listening");
    const { port } = registry.address() as AddressInfo;
    const elsewhere = prober({ urls: { ...settings.urls, ociRegistry: `http://127.0.0.1:${port}` } });
    const verdict = await elsewhere.probe("oci_registry", new Map(Object.entries(asked)));
    registry.close();
    expect(verdict).toMatchObject({ state: "UNKNOWN", isWorthRetrying: false });
    expect(seen).toEqual([undefined]);
    expect(services.callsWith("elsewhere")).toEqual([]);
  });
});

it("no more than so many are tried at once", async () => {
  const stop = new AbortController();
  const one = prober();
  const parts = new Map([["value", "hang-many"]]);
  const tries = Array.from({ length: 32 }, () => one.probe("cloud_provider/hcloud", parts, stop.signal));
  const settled = Promise.allSettled(tries);
  await expect(one.probe("cloud_provider/hcloud", parts)).rejects.toMatchObject({ reason: "RATE_LIMITED" });
  stop.abort();
  await settled;
  expect(await one.probe("cloud_provider/hcloud", new Map([["value", "good"]]))).toEqual({ state: "VALID" });
});
