// Reads a field of a message, whether it is in a oneof or not.
import type { DescField, Message } from "@bufbuild/protobuf";

/** Returns undefined if the field is unset. */
export function fieldValue(message: Message, field: DescField): unknown {
  const fields = message as unknown as Record<string, unknown>;
  if (!field.oneof) return fields[field.localName];
  const chosen = fields[field.oneof.localName] as { case?: string; value?: unknown } | undefined;
  return chosen?.case === field.localName ? chosen.value : undefined;
}
