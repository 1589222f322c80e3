// Finds a redis-server: in the PATH, or from the system's packages, unpacked without being installed.

import { type Binary, findOnPath, unpackBinary } from "./debian-packages.ts";

export type RedisBinary = Binary;
export { findOnPath };

export async function findRedisBinary(): Promise<RedisBinary | undefined> {
  const installed = await findOnPath("redis-server");
  if (installed) return { path: installed, libraryPath: undefined };
  return unpackBinary("redis", ["redis-server"], "redis-server");
}
