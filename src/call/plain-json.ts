// The JSON that a google.protobuf.Value holds.
import type { Value } from "@bufbuild/protobuf/wkt";

/** As `toJson` does it, but for numbers that JSON cannot say, such as `1e400`: they are left to be judged where they stand. */
export function plainJson({ kind }: Value): unknown {
  switch (kind.case) {
    case "structValue":
      return Object.fromEntries(Object.entries(kind.value.fields).map(([name, member]) => [name, plainJson(member)]));
    case "listValue":
      return kind.value.values.map(plainJson);
    case "nullValue":
      return null;
    default:
      return kind.value;
  }
}
