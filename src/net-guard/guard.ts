// Decides which addresses coffer may call: public ones, and those that the configuration allows.
import { lookup } from "node:dns/promises";
import { type BlockList, isIP } from "node:net";
import { isGlobalUnicast } from "./addresses.ts";
import { OutboundError } from "./errors.ts";

/** Resolves all addresses of a host name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export interface NetGuard {
  resolve: Resolve;
  /** Non-public addresses that may be called. */
  allowed: BlockList;
  /** Only `allowed` may be called. */
  isPublicRefused?: boolean;
}

/** Resolves names like the system. */
export const systemResolve: Resolve = async (host) => {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
};

/** Returns every address of the host. Fails with ADDRESS_REFUSED if one is neither public nor allowed, or with NAME_UNRESOLVED. */
export async function checkedAddresses(guard: NetGuard, host: string): Promise<readonly string[]> {
  const addresses = isIP(host) ? [host] : await resolveOrFail(guard.resolve, host);
  if (addresses.length === 0) throw new OutboundError("NAME_UNRESOLVED");
  if (!addresses.every((address) => mayCall(guard, address))) throw new OutboundError("ADDRESS_REFUSED");
  return addresses;
}

function mayCall({ allowed, isPublicRefused = false }: NetGuard, address: string): boolean {
  if (!isPublicRefused && isGlobalUnicast(address)) return true;
  const family = isIP(address);
  // Lists cannot hold addresses with a zone.
  return family !== 0 && !address.includes("%") && allowed.check(address, family === 6 ? "ipv6" : "ipv4");
}

async function resolveOrFail(resolve: Resolve, host: string): Promise<readonly string[]> {
  try {
    return await resolve(host);
  } catch (error) {
    throw new OutboundError("NAME_UNRESOLVED", error);
  }
}
