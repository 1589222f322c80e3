// The address that a call counts for.
import { BlockList } from "node:net";
import { describe, expect, test } from "vitest";
import { clientAddress } from "../../src/http/client-address.ts";
import { ask1, peerOf, serve } from "./serve.ts";

describe("the client's address", () => {
  const trusted = new BlockList();
  trusted.addSubnet("10.0.0.0", 8);
  trusted.addSubnet("fd00::", 8, "ipv6");

  test.each<[peer: string, forwardedFor: string | null, address: string]>([
    ["9.9.9.9", "1.1.1.1", "9.9.9.9"],
    ["::ffff:9.9.9.9", null, "9.9.9.9"],
    ["fe80::1%eth0", null, "fe80::1"],
    ["10.0.0.1", null, "10.0.0.1"],
    ["10.0.0.1", "1.1.1.1", "1.1.1.1"],
    ["::ffff:10.0.0.1", "1.1.1.1, ::ffff:2.2.2.2", "2.2.2.2"],
    ["10.0.0.1", "1.1.1.1, 10.0.0.2, 10.0.0.3", "1.1.1.1"],
    ["10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"],
    ["10.0.0.1", "2.2.2.2, nonsense", "10.0.0.1"],
    ["10.0.0.1", "2.2.2.2:4711", "2.2.2.2"],
    ["fd00::1", "[2001:db8::1]:443", "2001:db8::1"],
  ])("of %s, forwarded for %s, is %s", (peer, forwardedFor, address) => {
    const nobody = { forwardedFor: null, realIp: null };
    expect(clientAddress(peer, { forwardedFor, realIp: "7.7.7.7" }, trusted)).toBe(
      forwardedFor === null && peer === "10.0.0.1" ? "7.7.7.7" : address,
    );
    expect(clientAddress(peer, { forwardedFor, realIp: null }, trusted)).toBe(address);
    expect(clientAddress(peer, { forwardedFor, realIp: "7.7.7.7" }, undefined)).toBe(
      clientAddress(peer, nobody, trusted),
    );
  });

  test("is the peer's, whatever X-Forwarded-For says, unless the peer is trusted", async () => {
    const trustedProxies = new BlockList();
    trustedProxies.addSubnet("10.0.0.0", 8);
    const untrusting = await serve({ trustedProxies });
    const headers = { "x-forwarded-for": "1.1.1.1, 2.2.2.2, 10.0.0.7" };
    await ask1(untrusting.port, "/v1/secrets/a", { headers });
    expect(peerOf(untrusting.calls[0])).toBe("127.0.0.1");
    trustedProxies.addAddress("127.0.0.1");
    const trusting = await serve({ trustedProxies });
    await ask1(trusting.port, "/v1/secrets/a", { headers });
    expect(peerOf(trusting.calls[0])).toBe("2.2.2.2");
    await ask1(trusting.port, "/v1/secrets/a", { headers: { "x-real-ip": "3.3.3.3" } });
    await ask1(trusting.port, "/v1/secrets/a", { headers: { ...headers, "x-real-ip": "3.3.3.3" } });
    expect(trusting.calls.slice(1).map(peerOf)).toEqual(["3.3.3.3", "2.2.2.2"]);
  });
});
