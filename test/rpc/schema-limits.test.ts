// The schema: every list and map that a request can bring has a largest number of entries.
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { entriesMaxOf } from "../../src/call/schema/entry-limits.ts";
import { wireApis } from "../../src/surfaces/surfaces.ts";

const services = wireApis.flatMap((api) => api.services.map(({ desc }) => desc));

/** Google's types have no rules of coffer's; the number of all values of a body bounds them. */
const isGoogles = ({ typeName }: DescMessage) => typeName.startsWith("google.");

function unlimitedFields(desc: DescMessage, seen: Set<DescMessage>): DescField[] {
  if (seen.has(desc) || isGoogles(desc)) return [];
  seen.add(desc);
  return desc.fields.flatMap((field) => {
    const isMany = field.fieldKind === "list" || field.fieldKind === "map";
    const nested = field.message ? unlimitedFields(field.message, seen) : [];
    return isMany && entriesMaxOf(field) === undefined ? [field, ...nested] : nested;
  });
}

test("every list and map of a request has a largest number of entries", () => {
  const seen = new Set<DescMessage>();
  const fields = services.flatMap(({ methods }) => methods.flatMap(({ input }) => unlimitedFields(input, seen)));
  expect(fields.map(String)).toEqual([]);
  expect(seen.size).toBeGreaterThan(100);
});
