// Checks a request against the rules in its schema, and names every broken one.

import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import type { Interceptor } from "@connectrpc/connect";
import { type FieldViolation, invalidFields } from "../domain/errors.ts";
import { entryLimitViolations } from "./entry-limits.ts";
import { nulViolations } from "./nul-characters.ts";

const validator = createValidator();

export function validate(): Interceptor {
  return (next) => async (req) => {
    if (!req.stream) check(req.method.input, req.message);
    return next(req);
  };
}

/** Compiles the rules of these messages, which costs up to a second, before the first request comes. */
export function warmUp(descs: readonly DescMessage[]): void {
  for (const desc of descs) validator.validate(desc, create(desc));
}

function check(desc: DescMessage, message: MessageShape<DescMessage>): void {
  failOn(entryLimitViolations(desc, message));
  const result = validator.validate(desc, message);
  if (result.kind === "error") throw result.error;
  const broken = result.kind === "invalid" ? result.violations.map(toFieldViolation) : [];
  failOn([...broken, ...nulViolations(desc, message)]);
}

function failOn([first, ...others]: FieldViolation[]): void {
  if (first) throw invalidFields([first, ...others]);
}

function toFieldViolation(violation: Violation): FieldViolation {
  return { field: fieldPath(violation), description: violation.message };
}

/** `secret.labels["a"]`: names as the schema spells them. */
function fieldPath({ field }: Violation): string {
  let path = "";
  for (const part of field) {
    switch (part.kind) {
      case "field":
      case "oneof":
        path += path === "" ? part.name : `.${part.name}`;
        break;
      case "extension":
        path += `[${part.typeName}]`;
        break;
      case "list_sub":
        path += `[${part.index}]`;
        break;
      case "map_sub":
        path += `[${JSON.stringify(part.key)}]`;
        break;
    }
  }
  return path;
}
