// Access policies over Thalassa Cloud's API: both forms with conditions in, one out, and what a broken one is told.
import { describe, expect, it } from "vitest";
import { believingEnv, elsewhere, office } from "../../support/access-policies.ts";
import { useCoffer } from "../../support/coffer.ts";
import { newName, present } from "../../support/secrets.ts";
import {
  base64,
  createThalassa,
  newSecretBody,
  organisationOf,
  secretsUrl,
  secretUrl,
  type ThalassaSecret,
  thalassa,
  thalassaEnv,
} from "../../support/thalassa.ts";

const coffer = useCoffer({ env: { ...thalassaEnv, ...believingEnv } });

const ip = (effect: string, ...cidrs: string[]) => ({ type: "ip", effect, cidrs });
const hours = { startHour: 22, endHour: 6, timezone: "Europe/Amsterdam" };
const onlyOffice = { conditions: [ip("allow", "203.0.113.0/24")] };

const put = (path: string, json: object, token?: string) =>
  thalassa<ThalassaSecret & { message: string }>(coffer, `PUT ${secretUrl(path)}/policy`, {
    json,
    ...(token === undefined ? {} : { token }),
  });
const metadata = async (path: string) => (await thalassa<ThalassaSecret>(coffer, `GET ${secretUrl(path)}`)).body;

async function from(address: string, request: string, init: object = {}) {
  const headers = { "x-forwarded-for": address, "x-organisation-identity": await organisationOf(coffer) };
  return thalassa<{ message: string }>(coffer, request, { ...init, headers });
}

/** Returns the answers to this address: reading a value, adding a version, and reading metadata. */
async function statuses(address: string, path: string): Promise<number[]> {
  const json = { secretString: base64("new") };
  const read = await from(address, `POST ${secretUrl(path)}/value`);
  const added = await from(address, `POST ${secretUrl(path)}/versions`, { json });
  return [read.status, added.status, (await from(address, `GET ${secretUrl(path)}`)).status];
}

describe("a policy is shown as conditions, whichever form it came in", () => {
  it.each<[string, object, object[]]>([
    [
      "conditions",
      { conditions: [ip("allow", "10.0.0.0/8", "2001:DB8::/32"), { type: "time", effect: "deny", ...hours }] },
      [ip("allow", "10.0.0.0/8", "2001:db8::/32"), { type: "time", effect: "deny", ...hours }],
    ],
    [
      "allowed and denied",
      {
        allowed: [
          { type: "ip", ips: ["10.0.0.1"] },
          { type: "time", time: hours },
        ],
        denied: [{ type: "ip", ips: ["::/0"] }],
      },
      [ip("allow", "10.0.0.1/32"), { type: "time", effect: "allow", ...hours }, ip("deny", "::/0")],
    ],
  ])("%s", async (_, accessPolicy, conditions) => {
    const made = await createThalassa(coffer, { accessPolicy });
    expect(made).toMatchObject({ accessPolicy: { conditions }, currentVersion: 1, objectVersion: 1 });
    const { path } = await createThalassa(coffer);
    const { status, body } = await put(path, { accessPolicy });
    expect([status, body]).toMatchObject([200, { path, accessPolicy: { conditions }, objectVersion: 2 }]);
    for (const secret of [made, body]) expect(await metadata(secret.path)).toEqual(secret);
    const listed = await thalassa<ThalassaSecret[]>(coffer, `GET ${secretsUrl}?pathPrefix=${path}`);
    expect(listed.body).toEqual([body]);
  });
});

it("a policy decides over values and new versions, not over metadata; null clears it", async () => {
  const { path } = await createThalassa(coffer, { accessPolicy: onlyOffice });
  expect(await statuses(office, path)).toEqual([200, 201, 200]);
  expect(await statuses(elsewhere, path)).toEqual([403, 403, 200]);
  const { body } = await from(elsewhere, `POST ${secretUrl(path)}/value`);
  expect(body.message).toMatch(/^the access policy of the secret: /);
  expect(JSON.stringify(body)).not.toContain("203.0.113");
  // Lists allow when any of them matches; what denies wins.
  expect((await put(path, { accessPolicy: { allowed: [{ type: "ip", ips: [elsewhere] }] } })).status).toBe(200);
  expect([await statuses(office, path), await statuses(elsewhere, path)]).toEqual([
    [403, 403, 200],
    [200, 201, 200],
  ]);
  expect((await put(path, { accessPolicy: { denied: [{ type: "ip", ips: ["0.0.0.0/0"] }] } })).status).toBe(200);
  expect(await statuses(elsewhere, path)).toEqual([403, 403, 200]);
  const cleared = await put(path, { accessPolicy: null });
  expect(cleared.status).toBe(200);
  expect(Object.keys(cleared.body)).not.toContain("accessPolicy");
  expect(await statuses(elsewhere, path)).toEqual([200, 201, 200]);
});

it("the path may stand in the body, but the policy must be there", async () => {
  const { path } = await createThalassa(coffer, { accessPolicy: onlyOffice });
  const named = await thalassa(coffer, `PUT ${secretUrl("")}/policy`, { json: { path, accessPolicy: onlyOffice } });
  expect(named.status).toBe(200);
  expect(await put(path, { path: "/other", accessPolicy: null })).toMatchObject({
    status: 400,
    body: { message: "path: must be the path in the URL" },
  });
  expect(await put(path, {})).toMatchObject({
    status: 400,
    body: { message: "accessPolicy: is required; null clears it" },
  });
  expect(await put(`/${newName()}`, { accessPolicy: null })).toMatchObject({ status: 404 });
  expect(await metadata(path)).toMatchObject({ accessPolicy: onlyOffice });
});

let nested: unknown = 1;
for (let depth = 0; depth < 20; depth++) nested = [nested];
const time = (change: object) => ({ conditions: [{ type: "time", effect: "allow", ...hours, ...change }] });

describe("a broken policy is 400 with the field, in create and in PUT, and changes nothing", () => {
  it.each<[string, unknown, string[]]>([
    ["a text", "all", ["accessPolicy"]],
    ["a number", 1, ["accessPolicy"]],
    ["false", false, ["accessPolicy"]],
    ["a list", [], ["accessPolicy"]],
    ["lists within lists", nested, ["accessPolicy"]],
    ["no conditions", { conditions: [] }, ["accessPolicy.conditions"]],
    ["conditions that are null", { conditions: null }, ["accessPolicy.conditions"]],
    ["neither allowed nor denied", { allowed: [], denied: [] }, ["accessPolicy"]],
    ["two forms at once", { ...onlyOffice, allowed: [] }, ["accessPolicy.allowed"]],
    ["a member of another name", { ...onlyOffice, not_known: 1 }, ["accessPolicy.not_known"]],
    ["a prototype", JSON.parse('{"__proto__": 1, "conditions": []}'), ["accessPolicy.__proto__"]],
    ["another type", { conditions: [{ type: "mfa", effect: "allow" }] }, ["accessPolicy.conditions[0].type"]],
    ["another effect", { conditions: [ip("permit", "10.0.0.1")] }, ["accessPolicy.conditions[0].effect"]],
    ["bits behind the prefix", { conditions: [ip("allow", "10.0.0.1/8")] }, ["accessPolicy.conditions[0].cidrs[0]"]],
    ["a prefix of 33", { conditions: [ip("allow", "10.0.0.0/33")] }, ["accessPolicy.conditions[0].cidrs[0]"]],
    ["a name for an address", { denied: [{ type: "ip", ips: ["host"] }] }, ["accessPolicy.denied[0].ips[0]"]],
    ["65 addresses", { allowed: [{ type: "ip", ips: Array(65).fill("10.0.0.1") }] }, ["accessPolicy.allowed[0].ips"]],
    ["no addresses", { conditions: [ip("allow")] }, ["accessPolicy.conditions[0].cidrs"]],
    ["the hour 24", time({ endHour: 24 }), ["accessPolicy.conditions[0].endHour"]],
    ["the hour -1", time({ startHour: -1 }), ["accessPolicy.conditions[0].startHour"]],
    ["half an hour", time({ startHour: 8.5 }), ["accessPolicy.conditions[0].startHour"]],
    ["an hour as text", time({ startHour: "8" }), ["accessPolicy.conditions[0].startHour"]],
    ["another zone", time({ timezone: "Mars/Olympus" }), ["accessPolicy.conditions[0].timezone"]],
    ["33 conditions", { conditions: Array(33).fill(ip("allow", "10.0.0.1")) }, ["accessPolicy.conditions"]],
    ["another effect of a statement", { statements: [{ effect: "Forbid" }] }, ["accessPolicy.statements[0].effect"]],
    [
      "a statement beside broken conditions",
      { statements: [{ effect: "Deny" }], conditions: [ip("allow")] },
      ["accessPolicy.conditions[0].cidrs"],
    ],
    [
      "actions and principals that are none",
      { statements: [{ effect: "allow", actions: ["read", "fly", "keys.read", ""], principals: ["prn_x", "user:"] }] },
      ["accessPolicy.statements[0].actions[3]"],
    ],
    [
      "other actions and principals that are none",
      { statements: [{ effect: "Allow", actions: ["read", "fly", "keys.read"], principals: ["prn_x", "*"] }] },
      [
        "accessPolicy.statements[0].actions[1]",
        "accessPolicy.statements[0].actions[2]",
        "accessPolicy.statements[0].principals[0]",
        "accessPolicy.statements[0].principals[1]",
      ],
    ],
    [
      "several broken rules",
      { conditions: [ip("maybe", "nowhere"), { type: "time", effect: "deny", startHour: 1, endHour: 1 }] },
      [
        "accessPolicy.conditions[0].effect",
        "accessPolicy.conditions[0].cidrs[0]",
        "accessPolicy.conditions[1].endHour",
        "accessPolicy.conditions[1].timezone",
      ],
    ],
  ])("%s", async (_, accessPolicy, fields) => {
    const told = ({ message }: { message: string }) => message.split("; ").flatMap((part) => part.split(": ", 1));
    const { path } = await createThalassa(coffer, { accessPolicy: onlyOffice });
    const body = newSecretBody({ accessPolicy });
    const created = await thalassa<{ message: string }>(coffer, `POST ${secretsUrl}`, { json: body });
    const answers = [created, await put(path, { accessPolicy })];
    for (const answer of answers) {
      expect(answer.status).toBe(400);
      for (const field of fields) expect(told(answer.body)).toContain(field);
    }
    expect((await thalassa(coffer, `GET ${secretUrl(body.path)}`)).status).toBe(404);
    expect(await metadata(path)).toMatchObject({ accessPolicy: onlyOffice, objectVersion: 1 });
  });

  it("a number that JSON has no room for: 400 with its field", async () => {
    const { path } = await createThalassa(coffer);
    const headers = { "content-type": "application/json", "x-organisation-identity": await organisationOf(coffer) };
    const body = JSON.stringify({ accessPolicy: time({ startHour: 4711 }) }).replace("4711", "1e400");
    expect(await thalassa(coffer, `PUT ${secretUrl(path)}/policy`, { body, headers })).toMatchObject({
      status: 400,
      body: { message: expect.stringMatching(/^accessPolicy\.conditions\[0\]\.startHour: /) },
    });
    expect((await metadata(path)).objectVersion).toBe(1);
  });

  it("so deep that no policy is: 400, and the process lives", async () => {
    const { path } = await createThalassa(coffer);
    const deep = `{"accessPolicy":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
    const headers = { "content-type": "application/json" };
    const init = { body: deep, headers: { ...headers, "x-organisation-identity": await organisationOf(coffer) } };
    expect(await thalassa(coffer, `PUT ${secretUrl(path)}/policy`, init)).toMatchObject({ status: 400 });
    expect((await metadata(path)).objectVersion).toBe(1);
  });
});

it("takes a policy at each of its limits", async () => {
  const cidrs = Array.from({ length: 64 }, (_, index) => `10.0.0.${index}/32`);
  const accessPolicy = { conditions: Array.from({ length: 32 }, () => ip("allow", ...cidrs)) };
  expect(await createThalassa(coffer, { accessPolicy })).toMatchObject({ accessPolicy });
  const { path } = await createThalassa(coffer);
  expect((await put(path, { accessPolicy })).body).toMatchObject({ accessPolicy });
  const edges = time({ startHour: 23, endHour: 0, timezone: "UTC" });
  expect((await put(path, { accessPolicy: edges })).body).toMatchObject({ accessPolicy: edges });
});

it("a broken policy is told together with other broken fields", async () => {
  const json = newSecretBody({ accessPolicy: { conditions: [] }, generateSecret: { byteLength: 32 } });
  const { status, body } = await thalassa<{ message: string }>(coffer, `POST ${secretsUrl}`, { json });
  expect(status).toBe(400);
  for (const field of ["secretString", "generateSecret", "accessPolicy.conditions"]) {
    expect(body.message).toContain(`${field}: `);
  }
});

it("versions show when their values were last read, at most two seconds late", async () => {
  const { path } = await createThalassa(coffer);
  expect(
    (await thalassa(coffer, `POST ${secretUrl(path)}/versions`, { json: { generateSecret: { byteLength: 16 } } }))
      .status,
  ).toBe(201);
  const begin = Date.now();
  await thalassa(coffer, `POST ${secretUrl(path)}/value`, { json: { version: 1 } });
  const readTime = Date.now();
  const shown = async () =>
    (await thalassa<ThalassaSecret>(coffer, `GET ${secretUrl(path)}?includeVersions=true`)).body;
  await expect.poll(async () => (await shown()).lastAccessedAt, { timeout: 2_000, interval: 50 }).toBeDefined();
  const { lastAccessedAt, versions } = await shown();
  const [second, first] = present(versions);
  expect(second).not.toHaveProperty("lastAccessedAt");
  expect(Date.parse(String(first?.["lastAccessedAt"]))).toBeGreaterThanOrEqual(begin - 100);
  expect(Date.parse(String(first?.["lastAccessedAt"]))).toBeLessThanOrEqual(readTime + 2_000);
  expect(lastAccessedAt).toBeDefined();
});
