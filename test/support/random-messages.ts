// Messages with random values in every kind of field.
import {
  create,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { anyPack, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import type { SeededRandom } from "./seeded-random.ts";

const texts = ["", "a", 'quote " and \\', "line\nbreak\u2028\0", "ä€😀", "__proto__", "x".repeat(300)];
const longs = [0n, 1n, -1n, 9007199254740993n, -(2n ** 63n), 2n ** 63n - 1n];
const decimals = [0, -0, 1.5, -1e300, 1e21, 5e-324, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const integers = [0, 1, 7, 2 ** 31 - 1];
const seconds = [0n, 1n, 951_782_400n, 1_798_761_599n, 253_402_300_799n, -1n, -62_135_596_800n];
const jsonValues: JsonValue[] = [null, 1.5, true, "a", { b: [1, { c: null }] }, ["d", {}]];
const nanos = [0, 1_000_000, 120_000_000, 999_000_000, 1_000, 1, 999_999_999];

/** Leaves fields unset now and then. Messages that hold their own type end at a depth. */
export function randomMessage(desc: DescMessage, random: SeededRandom, depth = 0): Message {
  const wellKnown = wellKnownMessage(desc, random);
  if (wellKnown) return wellKnown;
  const target = reflect(desc, create(desc));
  for (const field of desc.fields) {
    if (random.chance(0.3) || (field.message && depth > 4)) continue;
    fill(target, field, random, depth);
  }
  return target.message;
}

function fill(target: ReflectMessage, field: DescField, random: SeededRandom, depth: number): void {
  const count = random.integer(4);
  switch (field.fieldKind) {
    case "list": {
      const list = target.get(field);
      for (let i = 0; i < count; i++) list.add(randomValue(field, random, depth));
      break;
    }
    case "map": {
      const map = target.get(field);
      for (let i = 0; i < count; i++) {
        const key = field.mapKey === ScalarType.STRING ? random.oneOf(texts) : randomScalar(field.mapKey, random);
        map.set(key as string, randomValue(field, random, depth));
      }
      break;
    }
    default:
      target.set(field, randomValue(field, random, depth));
  }
}

function randomValue(field: DescField, random: SeededRandom, depth: number): unknown {
  if (field.scalar !== undefined) return randomScalar(field.scalar, random);
  if (field.enum) return random.oneOf(field.enum.values).number;
  return reflect(field.message, randomMessage(field.message, random, depth + 1));
}

function randomScalar(type: ScalarType, random: SeededRandom): unknown {
  switch (type) {
    case ScalarType.STRING:
      return random.oneOf(texts);
    case ScalarType.BYTES:
      return random.bytes(random.integer(5));
    case ScalarType.BOOL:
      return random.chance(0.5);
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return Math.fround(
        random.oneOf(decimals.filter((value) => type === ScalarType.DOUBLE || Math.abs(value) < 1e30)),
      );
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return random.oneOf(longs.filter((value) => value >= 0n));
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return random.oneOf(longs);
    default:
      return random.oneOf(integers);
  }
}

/** Only values that JSON can hold. */
function wellKnownMessage(desc: DescMessage, random: SeededRandom): Message | undefined {
  switch (desc.typeName) {
    case "google.protobuf.Timestamp":
      return create(desc, { seconds: random.oneOf(seconds), nanos: random.oneOf(nanos) });
    case "google.protobuf.Duration":
      return create(desc, { seconds: BigInt(random.integer(1000)), nanos: random.oneOf(nanos) });
    case "google.protobuf.FieldMask":
      return create(desc, { paths: ["a", "b_c.d"].slice(random.integer(3)) });
    case "google.protobuf.Value":
      return fromJson(desc, random.oneOf(jsonValues));
    case "google.protobuf.Struct":
      return fromJson(desc, { [random.oneOf(texts)]: random.oneOf(jsonValues) });
    case "google.protobuf.Any":
      return anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: random.oneOf(["", "a"]) }));
    default:
      return isWrapperDesc(desc) ? create(desc, { value: random.integer(2) }) : undefined;
  }
}
