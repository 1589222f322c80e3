// Which hosts may be called: by all of their addresses, and by what the configuration allows.
import { BlockList } from "node:net";
import { describe, expect, it } from "vitest";
import { checkedAddresses, systemResolve } from "../../src/net-guard/guard.ts";

const publicIpv4 = "93.184.215.14";
const publicIpv6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c";

function guard(addresses: readonly string[], ...allowed: [address: string, prefix: number][]) {
  const list = new BlockList();
  for (const [address, prefix] of allowed) list.addSubnet(address, prefix, address.includes(":") ? "ipv6" : "ipv4");
  return { allowed: list, resolve: async () => addresses };
}

describe("a name", () => {
  it("whose addresses are all public is called by them", async () => {
    const addresses = [publicIpv4, publicIpv6];
    expect(await checkedAddresses(guard(addresses), "example.test")).toEqual(addresses);
  });

  it.each([
    [[publicIpv4, "127.0.0.1"]],
    [["10.0.0.1", publicIpv4]],
    [[publicIpv6, "::1"]],
    [[publicIpv4, "64:ff9b::7f00:1"]],
    [[publicIpv4, "::ffff:10.0.0.1"]],
    [[publicIpv4, "fe80::1%eth0"]],
    [["169.254.169.254"]],
    [["no address"]],
  ])("with any other address is refused: %j", async (addresses) => {
    await expect(checkedAddresses(guard(addresses), "example.test")).rejects.toMatchObject({
      failure: "ADDRESS_REFUSED",
    });
  });

  it("without addresses, and one that cannot be resolved, is unresolved", async () => {
    const unresolved = { failure: "NAME_UNRESOLVED" };
    await expect(checkedAddresses(guard([]), "example.test")).rejects.toMatchObject(unresolved);
    const failing = { ...guard([]), resolve: () => Promise.reject(new Error("SERVFAIL")) };
    await expect(checkedAddresses(failing, "example.test")).rejects.toMatchObject(unresolved);
    const unknown = { ...guard([]), resolve: systemResolve };
    await expect(checkedAddresses(unknown, "name.invalid")).rejects.toMatchObject(unresolved);
  });

  it("of this machine is refused as the system resolves it", async () => {
    const real = { ...guard([]), resolve: systemResolve };
    await expect(checkedAddresses(real, "localhost")).rejects.toMatchObject({ failure: "ADDRESS_REFUSED" });
  });
});

describe("what the configuration allows", () => {
  it("is these ranges and no others", async () => {
    const allowing = (addresses: string[]) => guard(addresses, ["10.1.0.0", 16], ["fd00::", 64]);
    const addresses = ["10.1.2.3", "fd00::5", publicIpv4];
    expect(await checkedAddresses(allowing(addresses), "inside.test")).toEqual(addresses);
    for (const address of ["10.2.0.1", "fd00:0:0:1::5", "127.0.0.1", "fd00::5%eth0"]) {
      const refused = checkedAddresses(allowing([address]), "inside.test");
      await expect(refused).rejects.toMatchObject({ failure: "ADDRESS_REFUSED" });
    }
  });

  it("is looked at for addresses that stand in the URL too", async () => {
    expect(await checkedAddresses(guard([], ["127.0.0.1", 32]), "127.0.0.1")).toEqual(["127.0.0.1"]);
    const refused = { failure: "ADDRESS_REFUSED" };
    await expect(checkedAddresses(guard([publicIpv4]), "127.0.0.1")).rejects.toMatchObject(refused);
    await expect(checkedAddresses(guard([publicIpv4]), "::1")).rejects.toMatchObject(refused);
  });
});
