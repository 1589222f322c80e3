// The requests that Thalassa Cloud's document shows, run as they stand there but for host, token, organisation and key.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { useCoffer } from "../../support/coffer.ts";
import { createKey } from "../../support/keys.ts";
import { organisationOf, secretUrl, thalassa, thalassaEnv, thalassaRegion } from "../../support/thalassa.ts";

const coffer = useCoffer({ env: thalassaEnv });

/** Returns the output of the script and the status. */
async function run(file: string, keyId: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const script = readFileSync(new URL(`documented/${file}`, import.meta.url), "utf8")
    .replace("https://api.thalassa.cloud", coffer.url)
    .replace("curl -s", 'curl -s -w "\\n%{http_code}"');
  const env = { PATH: process.env["PATH"], TOKEN: coffer.ownerToken, ORG_ID: await organisationOf(coffer) };
  const { stdout } = await promisify(execFile)("bash", ["-c", script], { env: { ...env, KMS_KEY_IDENTITY: keyId } });
  const end = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(end + 1)), body: JSON.parse(stdout.slice(0, end)) };
}

const decode = (text: unknown) => Buffer.from(String(text), "base64");

it.each([
  {
    file: "secret-string.sh",
    path: "/app/production/api/stripe-key",
    value: { secretString: expect.toSatisfy((text) => decode(text).equals(Buffer.from("sk_live_abc123"))) },
  },
  {
    file: "secret-key-values.sh",
    path: "/app/production/db/credentials",
    value: {
      secretKeyValues: {
        username: expect.toSatisfy((text) => decode(text).equals(Buffer.from("dbadmin"))),
        password: expect.toSatisfy((text) => decode(text).equals(Buffer.from("s3cur3-p@ss"))),
      },
    },
  },
  {
    file: "generate-secret.sh",
    path: "/app/production/api/webhook-secret",
    value: { secretString: expect.toSatisfy((text) => decode(text).length === 32) },
  },
])("$file makes version 1 and shows no value; /value has it", async ({ file, path, value }) => {
  const key = await createKey(coffer, { region: thalassaRegion });
  const { status, body } = await run(file, key.id);
  expect(status).toBe(201);
  const region = { identity: thalassaRegion, name: thalassaRegion, slug: thalassaRegion };
  expect(body).toEqual({
    path,
    labels: {},
    annotations: {},
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
    updatedAt: body["createdAt"],
    kmsKey: expect.objectContaining({ identity: key.id, name: key.name }),
    currentVersion: 1,
    objectVersion: 1,
    region,
  });
  const read = await thalassa(coffer, `POST ${secretUrl(path)}/value`);
  expect(read).toMatchObject({ status: 200 });
  expect(read.body).toEqual({ path, version: 1, ...value, kmsKeyIdentity: key.id, kmsKeyVersion: "1" });
  expect(read.headers.get("cache-control")).toBe("no-store");
});
