// Reads the facts about methods that their options in proto/ declare: what a call is about, its workspace and its points.
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
  getOption,
  hasOption,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { type CallOptions, call } from "../../gen/coffer/options/v1/call_pb.ts";
import { fieldValue } from "../call/schema/field-value.ts";
import { type AuditSubject, resourceTypes } from "../domain/audit/audit-event.ts";
import { StartupError } from "../domain/error/startup-error.ts";

export interface MethodFacts {
  resourceType: AuditSubject["resourceType"];
  /** Returns the id or name of the resource as the caller wrote it; empty if the request has none. */
  subject(message: Message): string;
  /** Returns the workspace that a field of the request names; empty if none does. */
  workspace(message: Message): string;
  /** Returns the points of the rate limits that the call takes. */
  points(message: Message): number;
}

/** Fails with a StartupError that names the method if one has no options or wrong ones. */
export function readMethodFacts(services: readonly DescService[]): ReadonlyMap<DescMethod, MethodFacts> {
  return new Map(services.flatMap(({ methods }) => methods.map((method) => [method, factsOf(method)] as const)));
}

function factsOf(method: DescMethod): MethodFacts {
  if (!hasOption(method, call)) {
    throw new StartupError(`${nameOf(method)} does not set the option (coffer.options.v1.call)`);
  }
  const options = getOption(method, call);
  return {
    resourceType: resourceTypeIn(method, options),
    subject: firstText(method, options.subject),
    workspace: firstText(method, options.workspace),
    points: pointsPer(method, options.pointsPer),
  };
}

function nameOf({ parent, name }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}

function resourceTypeIn(method: DescMethod, { resourceType }: CallOptions): AuditSubject["resourceType"] {
  const found = resourceTypes.find((type) => type === resourceType);
  if (found) return found;
  const message = `resource_type "${resourceType}" is not known; known: ${resourceTypes.join(", ")}`;
  throw new StartupError(`${nameOf(method)}: ${message}`);
}

/** Reads the first field that is not empty. */
function firstText(method: DescMethod, list: string): (message: Message) => string {
  const readers = list === "" ? [] : list.split(",").map((path) => textAt(method, path));
  return (message) => {
    for (const read of readers) {
      const text = read(message);
      if (text !== "") return text;
    }
    return "";
  };
}

function textAt(method: DescMethod, path: string): (message: Message) => string {
  const slash = path.startsWith("/") ? "/" : "";
  const fields = fieldsAt(method, path.slice(slash.length));
  if (fields.at(-1)?.scalar !== ScalarType.STRING)
    throw new StartupError(`${nameOf(method)}: ${path} is not a string field`);
  return (message) => {
    let value: unknown = message;
    for (const field of fields) value = value === undefined ? undefined : fieldValue(value as Message, field);
    return typeof value === "string" && value !== "" ? slash + value : "";
  };
}

function fieldsAt(method: DescMethod, path: string): DescField[] {
  let desc: DescMessage | undefined = method.input;
  return path.split(".").map((name) => {
    const field: DescField | undefined = desc?.fields.find((candidate) => candidate.name === name);
    if (!field) throw new StartupError(`${nameOf(method)}: ${method.input.typeName} has no field ${path}`);
    desc = field.fieldKind === "message" ? field.message : undefined;
    return field;
  });
}

function pointsPer(method: DescMethod, name: string): (message: Message) => number {
  if (name === "") return onePoint;
  const [field] = fieldsAt(method, name);
  if (field?.fieldKind !== "list")
    throw new StartupError(`${nameOf(method)}: points_per ${name} is not a repeated field`);
  return (message) => Math.max(1, (fieldValue(message, field) as readonly unknown[]).length);
}

function onePoint(): number {
  return 1;
}
