// Storage credentials against their services, played over real HTTP: taken, refused, or nothing told.
import { generateKeyPairSync } from "node:crypto";
import { BlockList } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CredentialState } from "../../gen/coffer/v1/secret_pb.ts";
import type { OutboundRequest } from "../../src/net-guard/request.ts";
import type { ProbeUrls } from "../../src/probes/endpoints.ts";
import { createProber, type Prober } from "../../src/probes/prober.ts";
import { probeS3 } from "../../src/probes/s3.ts";
import { startCoffer } from "../support/coffer.ts";
import { until } from "../support/poll.ts";
import { bytes, createSecret, getSecret, keyValues } from "../support/secrets.ts";
import { googleValue, type Services, startServices } from "../support/services.ts";
import { serviceAccountJson } from "../support/storage-credentials.ts";
import { azureKey, type StorageServices, startStorageServices } from "../support/storage-services.ts";

let storage: StorageServices;
let services: Services;
let prober: Prober;
beforeAll(async () => {
  [storage, services] = await Promise.all([startStorageServices(), startServices()]);
  const allowed = new BlockList();
  allowed.addAddress("127.0.0.1");
  const { origin } = storage;
  const urls = {
    s3: `${origin}/s3`,
    r2: origin,
    b2: `${origin}/b2`,
    azureBlob: origin,
    gcp: `${services.origin}/gcp/token`,
  } as Partial<ProbeUrls> as ProbeUrls;
  prober = createProber({ isOn: true, urls, allowed, revalidateAfterMs: 1 }, () => new Date());
});
afterAll(() => Promise.all([storage.close(), services.close()]));

const probe = (kind: string, parts: Record<string, string>) =>
  prober.probe(`storage/${kind}`, new Map(Object.entries(parts)));

const pair = (access_key_id: string, secret_access_key = "good/secret+key") => ({ access_key_id, secret_access_key });
const account = (account_key = azureKey) => ({ account_name: "acmebackups", account_key });
const b2 = (application_key: string) => ({ application_key_id: "0012345678abcde0000000001", application_key });
const sas = (sig: string, times = "st=2024-01-01&se=2099-01-01") => {
  const url = new URL(`/acme/backups?sp=rl&${times}&sv=2022-11-02&sr=c&sig=${sig}`, storage.origin);
  return { sas_url: url.href.replace("http:", "https:") };
};
const keyFile = (mode: string, key?: string) => ({ service_account_json: googleValue(mode, key) });

describe("is valid", () => {
  it.each<[kind: string, parts: () => Record<string, string>]>([
    ["s3", () => pair("AKIAGOOD000000000000")],
    ["s3", () => pair("AKIADENIED0000000000")],
    ["r2", () => pair("AKIAGOOD000000000000")],
    ["azure_blob", () => account()],
    ["azure_blob", () => sas("good")],
    ["azure_blob", () => sas("write-only")],
    ["azure_blob", () => sas("good", "si=policy")],
    ["gcs", () => keyFile("good")],
    ["b2", () => b2("good")],
  ])("%s, case %#", async (kind, parts) => {
    expect(await probe(kind, parts())).toEqual({ state: "VALID" });
  });
});

describe("is invalid, with a reason that repeats nothing", () => {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  it.each<[kind: string, parts: () => Record<string, string>]>([
    ["s3", () => pair("AKIACANARY0000000000")],
    ["s3", () => pair("AKIAGOOD000000000000", "canary")],
    ["azure_blob", () => account(Buffer.from("canary").toString("base64"))],
    ["azure_blob", () => sas("canary")],
    ["azure_blob", () => sas("good", "se=2024-01-01")],
    ["azure_blob", () => sas("good", "st=2098-01-01&se=2099-01-01")],
    ["gcs", () => keyFile("canary")],
    ["gcs", () => keyFile("good", privateKey)],
    // A key that is none.
    ["gcs", () => ({ service_account_json: serviceAccountJson })],
    ["b2", () => b2("canary")],
  ])("%s, case %#", async (kind, parts) => {
    const verdict = await probe(kind, parts());
    expect(verdict).toEqual({ state: "INVALID", error: expect.stringMatching(/^[\w ',.-]{10,80}$/) });
    expect(JSON.stringify(verdict)).not.toMatch(/canary/i);
  });
});

describe("nothing is told", () => {
  it.each<[kind: string, parts: () => Record<string, string>]>([
    ["s3", () => pair("AKIAHTML000000000000")],
    ["s3", () => pair("AKIASKEW000000000000")],
    ["s3", () => pair("AKIASLOW000000000000")],
    ["azure_blob", () => sas("busy")],
    ["b2", () => b2("limited")],
    ["gcs", () => keyFile("500")],
  ])("by %s, case %#, so it is tried again", async (kind, parts) => {
    expect(await probe(kind, parts())).toEqual({
      state: "UNKNOWN",
      error: expect.any(String),
      isWorthRetrying: true,
    });
  });

  it("of a signature for another host, which is not shown to it", async () => {
    const before = storage.paths.length;
    const sas_url = "https://acme.blob.example.com/backups?se=2099-01-01&sig=good";
    expect(await probe("azure_blob", { sas_url })).toMatchObject({ state: "UNKNOWN", isWorthRetrying: false });
    expect(storage.paths).toHaveLength(before);
  });

  it("where no address is configured", async () => {
    expect(prober.obstacleTo("storage/hetzner")).toMatch(/configured/);
    expect(prober.obstacleTo("storage/s3")).toBeUndefined();
    expect(await probe("hetzner", pair("AKIAGOOD000000000000"))).toMatchObject({ isWorthRetrying: false });
  });
});

it("happens by itself after such a secret was made, and shows in its validation", async () => {
  const coffer = await startCoffer({ env: storage.env });
  try {
    const make = (secretAccessKey: string) =>
      createSecret(coffer, {
        kind: "storage/s3",
        value: keyValues({
          access_key_id: bytes("AKIAGOOD000000000000"),
          secret_access_key: bytes(secretAccessKey),
        }),
      });
    const [good, bad] = await Promise.all([make("good/secret+key"), make("canary")]);
    const stateOf = async (secret: { id: string }) => (await getSecret(coffer, secret)).validation?.state;
    const isTried = async (secret: { id: string }) => (await stateOf(secret)) !== CredentialState.UNSPECIFIED;
    await until("both are tried", async () => (await isTried(good)) && (await isTried(bad)));
    expect(await Promise.all([stateOf(good), stateOf(bad)])).toEqual([CredentialState.VALID, CredentialState.INVALID]);
  } finally {
    await coffer.close();
  }
});

it("signs as the official client of AWS does", async () => {
  let authorization = "";
  const context = {
    baseUrl: "https://s3.eu-west-1.amazonaws.com",
    now: () => new Date("2026-11-28T00:00:00Z"),
    async send({ headers }: OutboundRequest) {
      authorization = headers?.["authorization"] ?? "";
      return { status: 200, headers: {}, body: "" };
    },
  };
  const parts = {
    access_key_id: "AKIAIOSFODNN7EXAMPLE",
    secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  };
  await probeS3(context, new Map(Object.entries(parts)));
  // Made once with botocore 1.x: S3SigV4Auth with an unsigned payload.
  expect(authorization).toMatch(/Signature=072c82afa3066cbb0a1ce95949706f50b479402145d031b80e0987720ac9c4f0$/);
  expect(authorization).toContain("SignedHeaders=host;x-amz-content-sha256;x-amz-date");
});
