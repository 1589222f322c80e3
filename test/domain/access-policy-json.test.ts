// Access policies as requests give them: the three shapes, their normal form, and every broken rule by its field.
import { describe, expect, it } from "vitest";
import { policyText, readPolicyText } from "../../src/domain/access/access-policy.ts";
import { parseAccessPolicy } from "../../src/domain/access/access-policy-json.ts";
import { CofferError } from "../../src/domain/error/errors.ts";

const ip = (...cidrs: unknown[]) => ({ type: "ip", effect: "allow", cidrs });
const time = (change: object = {}) => ({
  ...{ type: "time", effect: "deny", startHour: 22, endHour: 6, timezone: "Europe/Amsterdam" },
  ...change,
});
const parse = (json: unknown) => parseAccessPolicy(json, "accessPolicy");

/** The fields that are said to be broken. */
function brokenFields(json: unknown): string[] {
  try {
    parse(json);
  } catch (error) {
    if (error instanceof CofferError && error.reason === "FIELD_INVALID") {
      return error.violations.map(({ field }) => field);
    }
    throw error;
  }
  throw new Error("it was accepted");
}

describe("what is accepted", () => {
  it("keeps conditions, and brings ranges into normal form", () => {
    const cidrs = ["10.0.0.0/8", "1.2.3.4", "2001:DB8:0::/32", "::1", "::ffff:1.2.3.0/120", "::FFFF:102:304", "::/0"];
    const normal = ["10.0.0.0/8", "1.2.3.4/32", "2001:db8::/32", "::1/128", "1.2.3.0/24", "1.2.3.4/32", "::/0"];
    expect(parse({ conditions: [ip(...cidrs), time()] })).toEqual({
      policy: { conditions: [ip(...normal), time()] },
      statements: [],
    });
  });

  it("makes conditions of allowed and denied", () => {
    const { type, effect: _, ...window } = time();
    const json = { denied: [{ type, time: window }], allowed: [{ type: "ip", ips: ["::1"] }] };
    expect(parse(json)).toMatchObject({ policy: { conditions: [ip("::1/128"), time()] } });
    expect(parse({ denied: [{ type, time: window }] })).toMatchObject({ policy: { conditions: [time()] } });
  });

  it("keeps statements letter by letter, in their order, beside conditions in either form", () => {
    const statements = [
      { effect: "Allow", actions: ["getSecretValue"], principals: ["prn_1", "user:b", "user:a"] },
      { effect: "DENY", actions: ["*", "read"], principals: ["team:x"] },
      { effect: "allow", actions: [], principals: undefined },
    ];
    expect(parse({ statements })).toEqual({ policy: undefined, statements });
    const left = [{ effect: "Deny" }, { effect: "Deny", actions: null, principals: null }];
    expect(parse({ statements: left }).statements).toEqual(left.map(({ effect }) => ({ effect })));
    const policy = { conditions: [ip("::1/128")] };
    expect(parse({ statements, conditions: [ip("::1")] })).toEqual({ policy, statements });
    expect(parse({ allowed: [{ type: "ip", ips: ["::1"] }], statements })).toEqual({ policy, statements });
  });

  it.each([{}, { statements: [] }, { statements: null }])("%j is no policy", (json) => {
    expect(parse(json)).toEqual({ policy: undefined, statements: [] });
  });

  it("goes up to 32 conditions of 64 ranges, and every hour of the clock", () => {
    const conditions = Array.from({ length: 32 }, () =>
      ip(...Array.from({ length: 64 }, (_, byte) => `10.0.0.${byte}`)),
    );
    expect(parse({ conditions })).toHaveProperty("policy");
    for (let hour = 0; hour < 23; hour++) {
      expect(parse({ conditions: [time({ startHour: hour, endHour: hour + 1 })] })).toHaveProperty("policy");
    }
  });
});

describe("what is broken", () => {
  const conditions = (...list: unknown[]) => ({ conditions: list });
  const c = "accessPolicy.conditions";

  it.each<[string, unknown, string[]]>([
    ["no object", null, ["accessPolicy"]],
    ["a list", [], ["accessPolicy"]],
    ["nothing known", { statement: [], Conditions: [] }, ["accessPolicy.statement", "accessPolicy.Conditions"]],
    ["two shapes", { conditions: [ip("::1")], allowed: [] }, ["accessPolicy.allowed"]],
    ["all shapes", { conditions: [ip("::1")], denied: [], statements: [] }, ["accessPolicy.denied"]],
    ["no list", { conditions: {} }, [c]],
    ["no condition", conditions(), [c]],
    ["no condition in lists", { allowed: [], denied: [] }, ["accessPolicy"]],
    ["33 conditions", conditions(...Array.from({ length: 33 }, () => ip("::1"))), [c]],
    ["an unknown type", conditions(ip("::1"), { type: "country", effect: "allow" }), [`${c}[1].type`]],
    ["no type", conditions({ effect: "allow", cidrs: ["::1"] }), [`${c}[0].type`]],
    ["a condition that is none", conditions("ip"), [`${c}[0].type`]],
    ["an unknown member", conditions({ ...ip("::1"), ips: ["::1"] }), [`${c}[0].ips`]],
    ["an unknown effect", conditions({ ...ip("::1"), effect: "Allow" }), [`${c}[0].effect`]],
    ["no ranges", conditions({ type: "ip", effect: "allow" }), [`${c}[0].cidrs`]],
    ["an empty list of ranges", conditions(ip()), [`${c}[0].cidrs`]],
    ["65 ranges", conditions(ip(...Array.from({ length: 65 }, () => "::1"))), [`${c}[0].cidrs`]],
    [
      "a window in the form of lists",
      conditions({ type: "time", effect: "allow", time: {} }),
      [...[`${c}[0].time`, `${c}[0].startHour`, `${c}[0].endHour`, `${c}[0].timezone`]],
    ],
    [
      "a listed effect",
      { allowed: [{ type: "ip", effect: "deny", ips: ["::1"] }] },
      ["accessPolicy.allowed[0].effect"],
    ],
    ["a listed bad range", { denied: [{ type: "ip", ips: ["::1", "x"] }] }, ["accessPolicy.denied[0].ips[1]"]],
    [
      "a listed bad window",
      { denied: [{ type: "time", time: { startHour: 24, endHour: -1, timezone: "Mars" } }] },
      [...["startHour", "endHour", "timezone"].map((name) => `accessPolicy.denied[0].time.${name}`)],
    ],
    [
      "everything at once",
      conditions(ip("x"), time({ startHour: -1 }), { ...ip("::1"), z: 1 }),
      [...[`${c}[0].cidrs[0]`, `${c}[1].startHour`, `${c}[2].z`]],
    ],
  ])("(%s) is named", (_, json, fields) => {
    expect(brokenFields(json)).toEqual(fields);
  });

  it.each([
    ..."1.2.3|1.2.3.4.5|1.2.3.256|01.2.3.4|1.2.3.4/33|1.2.3.4/-1|1.2.3.4/|1.2.3.4/8|1.2.3.4/032|1.2.3.4/8/8".split("|"),
    ..." 1.2.3.4|1.2.3.4 |0x1.2.3.4|1.2.3.4:80|[::1]|::1/129|2001:db8::1/32|fe80::1%eth0|:::|1::2::3|12345::".split(
      "|",
    ),
    ..."::ffff:1.2.3.4/95|::ffff:1.2.3.4/120|::ffff:0:0/90|example.org||*|10.0.0.0-10.0.0.9".split("|"),
    ...[null, 1, {}, ["::1"]],
  ])("a range that is none: %j", (cidr) => {
    expect(brokenFields(conditions(ip("::1", cidr)))).toEqual([`${c}[0].cidrs[1]`]);
  });

  it.each([24, -1, 1.5, "8", null, undefined, Number.NaN, [8]])("an hour that is none: %j", (hour) => {
    expect(brokenFields(conditions(time({ startHour: hour })))).toEqual([`${c}[0].startHour`]);
    expect(brokenFields(conditions(time({ endHour: hour })))).toEqual([`${c}[0].endHour`]);
  });

  it("an hour that is both the first and the last", () => {
    expect(brokenFields(conditions(time({ startHour: 6, endHour: 6 })))).toEqual([`${c}[0].endHour`]);
  });

  it.each(["Mars/Phobos", "+01:00", "", "CET CEST", "Europe/Amsterdam\u0000", 1, undefined, "x".repeat(65)])(
    "a zone that is none: %j",
    (timezone) => {
      expect(brokenFields(conditions(time({ timezone })))).toEqual([`${c}[0].timezone`]);
    },
  );

  const statement = (change: object = {}) => ({
    statements: [{ effect: "Allow", actions: ["a"], principals: ["p"], ...change }],
  });
  const s = "accessPolicy.statements";

  it.each<[string, unknown, string[]]>([
    ["no list", { statements: {} }, [s]],
    ["65", { statements: Array.from({ length: 65 }, () => statement().statements[0]) }, [s]],
    ["no object", { statements: [1] }, [`${s}[0]`]],
    ["no effect", statement({ effect: undefined }), [`${s}[0].effect`]],
    ["an unknown effect", statement({ effect: "ALLOW!" }), [`${s}[0].effect`]],
    ["an unknown member", statement({ resources: [] }), [`${s}[0].resources`]],
    ["actions that are no list", statement({ actions: "a" }), [`${s}[0].actions`]],
    ["65 principals", statement({ principals: Array.from({ length: 65 }, () => "p") }), [`${s}[0].principals`]],
    ["an action that is no text", statement({ actions: ["a", 1] }), [`${s}[0].actions[1]`]],
    ["empty principals", statement({ principals: [""] }), [`${s}[0].principals[0]`]],
    ["a lone surrogate", statement({ principals: ["user:\ud800"] }), [`${s}[0].principals[0]`]],
    ["an empty list of conditions too", { ...statement(), conditions: [] }, [c]],
  ])("statements: %s", (_, json, fields) => {
    expect(brokenFields(json)).toEqual(fields);
  });
});

describe("what is stored", () => {
  it("is one text for equal policies", () => {
    const one = parse({ conditions: [{ cidrs: ["::1"], effect: "allow", type: "ip" }] });
    const other = parse({ allowed: [{ ips: ["0::1/128"], type: "ip" }] });
    if (!one.policy || !other.policy) throw new Error("no policies");
    expect(policyText(one.policy)).toBe(policyText(other.policy));
    expect(readPolicyText(policyText(one.policy))).toEqual(one.policy);
    expect(readPolicyText(null)).toBeUndefined();
  });

  it("is the text of earlier versions without statements, and has their principals' ids with them", () => {
    const conditions = [{ type: "ip", effect: "allow", cidrs: ["::1/128"] }] as const;
    expect(policyText({ conditions, statements: [] })).toBe(JSON.stringify({ conditions }));
    const statements = [{ effect: "Deny", actions: ["*"], principals: ["user:a"], principalIds: ["prn_1"] }];
    const text = policyText({ conditions: [], statements });
    expect(readPolicyText(text)).toEqual({ conditions: [], statements });
    expect(() => readPolicyText(text.replace('"principalIds"', '"ids"'))).toThrow(/authenticate/);
  });

  it.each(["", "null", "{}", '{"conditions":1}', '{"conditions": []}', '{"conditions":[],"x":1}'])(
    "and was not written by coffer (%j) is VALUE_CORRUPT",
    (text) => {
      expect(() => readPolicyText(text)).toThrow(expect.objectContaining({ reason: "VALUE_CORRUPT" }));
    },
  );
});
