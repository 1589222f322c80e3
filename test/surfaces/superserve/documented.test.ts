// The request that Superserve's document shows, run as it stands there but for host and key, and with its blanks filled in.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { useCoffer } from "../../support/coffer.ts";
import { newName } from "../../support/secrets.ts";

const coffer = useCoffer();

/** The answer of the script with these texts replaced. */
async function run(blanks: readonly (readonly [string, string])[] = []) {
  const given = [["https://api.superserve.ai", coffer.url], ["<api-key>", coffer.ownerToken], ...blanks] as const;
  const text = readFileSync(new URL("documented/create-secret.sh", import.meta.url), "utf8");
  const script = given.reduce(
    (filled, [blank, value]) => {
      expect(filled).toContain(blank);
      return filled.replace(blank, () => value);
    },
    text.replace("curl ", 'curl -s -w "\\n%{http_code}" '),
  );
  const { stdout } = await promisify(execFile)("bash", ["-c", script], { env: { PATH: process.env["PATH"] } });
  const end = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(end + 1)), body: JSON.parse(stdout.slice(0, end)) as object };
}

it("with its blanks it is refused, and the error names each of them", async () => {
  expect(await run()).toEqual({
    status: 400,
    body: {
      error: { code: "bad_request", message: expect.stringMatching(/^name: must begin with a letter.*; auth: /) },
    },
  });
});

it("with the blanks of a provider filled in, and the other fields left out, it makes a secret", async () => {
  const name = newName("DOC");
  const text = readFileSync(new URL("documented/create-secret.sh", import.meta.url), "utf8");
  const custom = text.slice(text.indexOf(',\n  "auth"'), text.indexOf("\n}\n"));
  const { status, body } = await run([
    [custom, ""],
    ['"name": "<string>"', `"name": "${name}"`],
    ['"provider": "<string>"', '"provider": "anthropic"'],
  ]);
  expect(status).toBe(201);
  expect(body).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    name,
    auth_type: "api-key",
    auth_config: { header: "x-api-key" },
    hosts: ["api.anthropic.com"],
    created_at: expect.stringMatching(/Z$/),
    updated_at: expect.stringMatching(/Z$/),
    provider_shortcut: "anthropic",
  });
});

it("with the blanks of a custom scheme filled in it makes a secret, too", async () => {
  const name = newName("DOC");
  const { status, body } = await run([
    ['"name": "<string>"', `"name": "${name}"`],
    ['"provider": "<string>",', ""],
    ['"header": "<string>"', '"type": "api-key", "header": "X-Token"'],
    ['"prefix": "<string>"', '"prefix": "Token "'],
    ['"username": "<string>"', '"username": ""'],
    ['    "<string>"\n', '    "*.example.com"\n'],
  ]);
  expect([status, body]).toEqual([
    201,
    expect.objectContaining({ name, auth_config: { header: "X-Token", prefix: "Token " }, hosts: ["*.example.com"] }),
  ]);
});
