// The JSON that a google.protobuf.Value holds.
import type { Value } from "@bufbuild/protobuf/wkt";

/** Like `toJson`, except for numbers that JSON cannot hold, such as `1e400`: it returns them, and the caller checks them. */
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
