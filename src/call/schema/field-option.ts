// Reads options of fields once: the options of a schema never change, and getOption decodes them each time.
import { type DescField, getOption } from "@bufbuild/protobuf";
import type { GenExtension } from "@bufbuild/protobuf/codegenv2";
import type { FieldOptions } from "@bufbuild/protobuf/wkt";

/** Returns a function that says whether a field has an option. */
export function fieldOption(option: GenExtension<FieldOptions, boolean>): (field: DescField) => boolean {
  const known = new WeakMap<DescField, boolean>();
  return (field) => {
    let value = known.get(field);
    if (value === undefined) {
      value = getOption(field, option);
      known.set(field, value);
    }
    return value;
  };
}
