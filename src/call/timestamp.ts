// Makes timestamps of messages.
import type { Timestamp } from "@bufbuild/protobuf/wkt";

/** Returns undefined, which leaves a field unset, if there is no time. The library's own function takes several times as long. */
export function toTimestamp<T extends Date | undefined>(time: T): Timestamp | (T extends Date ? never : undefined);
export function toTimestamp(time: Date | undefined): Timestamp | undefined {
  if (time === undefined) return undefined;
  const ms = time.getTime();
  const seconds = Math.floor(ms / 1000);
  return { $typeName: "google.protobuf.Timestamp", seconds: BigInt(seconds), nanos: (ms - 1000 * seconds) * 1_000_000 };
}
