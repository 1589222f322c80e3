// Writes the JSON of a REST answer: fields as the API spells them, all fields of implicit presence, and null for unset fields if the API requires it.
import type { Message } from "@bufbuild/protobuf";
import { whole_answer_when_set } from "../../../gen/coffer/rest/v1/options_pb.ts";
import { type FieldWriter, fieldWriters, objectText } from "../../call/json/writer.ts";
import { fieldOption } from "../../call/schema/field-option.ts";
import type { Route } from "./route.ts";

const isWholeAnswer = fieldOption(whole_answer_when_set);

const writersOf = new WeakMap<Route, (message: Message) => string>();

export function writeResponse(route: Route, message: Message): string {
  let write = writersOf.get(route);
  if (!write) {
    write = responseWriter(route);
    writersOf.set(route, write);
  }
  return write(message);
}

function responseWriter({ api, method, responseBody }: Route): (message: Message) => string {
  const { fieldNames, nullWhenUnset } = api;
  const writers = fieldWriters(method.output, { fieldNames, nullWhenUnset, writesDefaults: true });
  const wholes = writers.filter(({ field }) => isWholeAnswer(field));
  const body = writers.find(({ field }) => field === responseBody);
  return (message) => {
    for (const whole of wholes) {
      const answer = textOf(whole, message);
      if (answer !== undefined) return answer;
    }
    if (!body) return objectText(writers, message);
    return textOf(body, message) ?? (nullWhenUnset ? "null" : "{}");
  };
}

function textOf({ write }: FieldWriter, message: Message): string | undefined {
  const text = write(message);
  return text === "null" ? undefined : text;
}
