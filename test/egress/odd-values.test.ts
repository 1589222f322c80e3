// Values of any characters: what a header cannot carry is refused when it would be sent, but for one line break at the end.
import { expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { eventsOf, openTunnel, useEgress } from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";
import { newName } from "../support/secrets.ts";
import { served, serveFailure } from "../support/superserve.ts";

const host = "api.upstream.test";
const coffer = useCoffer();
const egress = useEgress(coffer, {
  hosts: [host],
  // Repeats the header, which the sandbox must not see, and the value with all that was stored of it.
  answer(request, response) {
    const { method = "", url = "", headers, rawHeaders } = request;
    egress.seen.push({ method, url, headers, rawHeaders, body: "" });
    response.end(`${request.headers.authorization ?? ""} ${request.headers["x-key"] ?? ""}\n`);
  },
});

interface Box {
  id: string;
  access_token: string;
  secrets: { placeholder: string }[];
}

async function sent(value: string, auth: { type: string; [field: string]: unknown }) {
  const name = newName("ODD");
  await served(coffer, "/secrets", { json: { name, value, auth, hosts: [host] } });
  const box = await served<Box>(coffer, "/sandboxes", { json: { name: "box", secrets: { KEY: name } } });
  const [row] = await coffer.sql("select workspace_id, sandbox_id from sandbox order by create_time desc limit 1");
  const sandbox = {
    id: String(row?.["sandbox_id"]),
    workspaceId: String(row?.["workspace_id"]),
    token: box.access_token,
  };
  const placeholder = box.secrets[0]?.placeholder ?? "";
  const headers: Record<string, string> =
    auth.type === "api-key"
      ? { "x-key": placeholder }
      : { authorization: auth.type === "basic" ? basic(placeholder) : `Bearer ${placeholder}` };
  const before = egress.seen.length;
  const tunnel = await openTunnel(egress, sandbox, host);
  const answer = await requestIn(tunnel, { host: `${host}:${egress.upstreamPort}`, headers });
  tunnel.destroy();
  const reached = egress.seen.length - before;
  const seen = egress.seen.at(-1)?.headers;
  return { answer, reached, header: seen?.authorization ?? seen?.["x-key"], placeholder, sandbox };
}

const basic = (password: string) => `Basic ${Buffer.from(`x:${password}`).toString("base64")}`;

test.each<[string, string, string]>([
  ["\\n", "sk-value-1\n", "sk-value-1"],
  ["\\r\\n", "sk-value-2\r\n", "sk-value-2"],
  ["nothing", "sk value 3", "sk value 3"],
])("a value with %s at its end goes out without it, in every scheme, and does not come back", async (_, value, as) => {
  const bearer = await sent(value, { type: "bearer" });
  expect([bearer.answer.status, bearer.header]).toEqual([200, `Bearer ${as}`]);
  expect(bearer.answer.body).toBe(`Bearer ${bearer.placeholder} \n`);
  const key = await sent(value, { type: "api-key", header: "X-Key", prefix: "Token " });
  // The placeholder stands behind the prefix in a real client.
  expect([key.answer.status, key.reached]).toEqual([403, 0]);
  const password = await sent(value, { type: "basic" });
  expect([password.answer.status, password.header]).toEqual([200, basic(as)]);
  expect(password.answer.body).not.toContain(as);
});

test.each([
  ["a line break within it", "sk\nvalue"],
  ["two line breaks at its end", "sk-value\n\n"],
  ["a carriage return at its end", "sk-value\r"],
  ["a line break alone", "\n"],
  ["letters beyond ASCII", "schlüssel"],
  ["U+0000", "sk\0value"],
  ["a space at its end", "sk-value "],
])("a value with %s is refused when it would be sent: 502 inject_error", async (_, value) => {
  const { answer, reached, sandbox } = await sent(value, { type: "bearer" });
  expect([answer.status, answer.reason, reached]).toEqual([502, "inject_error", 0]);
  expect(await eventsOf(coffer, sandbox)).toMatchObject([{ error_code: "inject_error", status: 502 }]);
  if (value.trim().length > 0) expect(JSON.stringify([answer, egress.logLines])).not.toContain(value.trim());
});

test("Basic encodes its password: any text but control characters", async () => {
  expect(await sent("schlüssel", { type: "basic" })).toMatchObject({ answer: { status: 200 }, reached: 1 });
  expect(await sent("a\tb", { type: "basic" })).toMatchObject({ answer: { reason: "inject_error" }, reached: 0 });
});

test("a value of 8,193 characters is refused when it is stored", async () => {
  const json = { name: newName("ODD"), value: "v".repeat(8_193), provider: "openai" };
  expect(await serveFailure(coffer, "/secrets", { json })).toEqual({
    error: "400 bad_request",
    message: "value: must have at most 8192 characters",
  });
});
