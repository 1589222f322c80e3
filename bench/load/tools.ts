// The load generators, which are not Node: those on the PATH, else Debian's, unpacked without being installed.
import { type Binary, findOnPath, unpackBinary } from "../../test/support/debian-packages.ts";

export interface LoadTools {
  /** HTTP/1.1. */
  wrk: Binary;
  /** HTTP/2. */
  h2load: Binary;
}

export async function findLoadTools(): Promise<LoadTools> {
  const [wrk, h2load] = [await find("wrk"), await find("h2load")];
  return { wrk, h2load };
}

async function find(name: string): Promise<Binary> {
  const installed = await findOnPath(name);
  if (installed) return { path: installed, libraryPath: undefined };
  const unpacked = await unpackBinary("load-tools", ["wrk", "nghttp2-client"], name);
  if (!unpacked) throw new Error(`the benchmark needs ${name}: install it, or run on Debian`);
  return unpacked;
}
