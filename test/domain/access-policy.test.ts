// The decisions of access policies, case by case, including the parsing of the request and its address.
import { BlockList } from "node:net";
import { describe, expect, it } from "vitest";
import { policyText, readPolicyText } from "../../src/domain/access/access-policy.ts";
import { parseAccessPolicy } from "../../src/domain/access/access-policy-json.ts";
import { evaluateAccessPolicy } from "../../src/domain/access/evaluate-access-policy.ts";
import { clientAddress } from "../../src/http/client-address.ts";
import { addressCases } from "./access-policy-cases/addresses.ts";
import type { Decision, From } from "./access-policy-cases/case.ts";
import { hourCases } from "./access-policy-cases/hours.ts";
import { togetherCases } from "./access-policy-cases/together.ts";

const groups = [...addressCases, ...hourCases, ...togetherCases];

const trusted = new BlockList();
trusted.addSubnet("172.31.0.0", 16);
trusted.addSubnet("fd99::", 16, "ipv6");

function addressOf(from: From): string {
  const { peer, forwardedFor = null, realIp = null } = typeof from === "string" ? { peer: from } : from;
  return clientAddress(peer, { forwardedFor, realIp }, trusted) ?? "";
}

function decide(policy: object, from: From, at: string): Decision {
  const given = parseAccessPolicy(policy, "accessPolicy");
  if (!given.policy) throw new Error("no policy");
  // As it comes back from where it is stored.
  const stored = readPolicyText(policyText(given.policy));
  if (!stored) throw new Error("nothing was stored");
  const { isAllowed, condition } = evaluateAccessPolicy(stored, { address: addressOf(from), now: new Date(at) });
  if (condition === undefined) return isAllowed ? "allow: nothing denies" : "deny: nothing allows";
  return `${isAllowed ? "allow" : "deny"} ${condition}`;
}

it("has 200 cases or more", () => {
  expect(groups.flatMap(({ cases }) => cases).length).toBeGreaterThanOrEqual(200);
});

describe.each(groups)("a policy $title", ({ policy, cases }) => {
  it.each(cases)("%j at %s: %s", (from, at, decision) => {
    expect(decide(policy, from, at)).toBe(decision);
  });
});

describe("an address that is none", () => {
  it.each(["", "unknown", "203.0.113", "203.0.113.1.1"])("(%j) is in no range", (address) => {
    const conditions = [{ type: "ip", effect: "allow", cidrs: ["0.0.0.0/0", "::/0"] }] as const;
    expect(evaluateAccessPolicy({ conditions }, { address, now: new Date() })).toEqual({
      isAllowed: false,
      condition: undefined,
    });
  });
});
