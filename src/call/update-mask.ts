// The change that a request with an update mask asks for (AIP-134).
import { type DescMessage, isFieldSet, type MessageShape } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { type FieldViolation, failOn, readOr } from "../domain/error/errors.ts";

/** The mutable fields by their names in the schema, each with the change that it makes. */
export type FieldChanges<Message, Change> = Readonly<Record<string, (message: Message) => Change>>;

/**
 * Returns the changes by the fields that the mask names, or by every mutable field that is set if the mask is empty. Fails with
 * FIELD_INVALID, for `update_mask` if it names fields that cannot be updated.
 */
export function maskedChange<Desc extends DescMessage, Change extends object>(
  desc: Desc,
  message: MessageShape<Desc>,
  mask: FieldMask | undefined,
  changes: FieldChanges<MessageShape<Desc>, Change>,
): Change {
  const paths = mask && mask.paths.length > 0 ? mask.paths : setFields(desc, message, changes);
  const mutable = Object.keys(changes).join(", ");
  const immutable = paths.filter((path) => !Object.hasOwn(changes, path));
  failOn(
    immutable.map((path) => ({
      field: "update_mask",
      description: `${JSON.stringify(path)} cannot be updated; mutable fields: ${mutable}`,
    })),
  );
  const broken: FieldViolation[] = [];
  const parts = paths.map((path) => readOr(undefined, broken, () => changes[path]?.(message)));
  failOn(broken);
  return Object.assign({}, ...parts) as Change;
}

function setFields<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>, changes: object): string[] {
  const isSet = (name: string) => desc.fields.some((field) => field.name === name && isFieldSet(message, field));
  return Object.keys(changes).filter(isSet);
}
