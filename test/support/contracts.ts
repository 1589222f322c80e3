// The contracts of the four REST surfaces, and what an answer breaks of them.
import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020, type AnySchemaObject, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

/** A surface's routes and the JSON Schemas of what they take and answer. */
export interface Contract {
  surface: string;
  /** Its paths begin with one of these. */
  prefixes: string[];
  /** The schema of every answer from 400 on. */
  error: string;
  routes: ContractRoute[];
  $defs: Record<string, AnySchemaObject>;
}

export interface ContractRoute {
  /** The HTTP method and the path; a part in braces stands for one segment, `{path}` for one or more. */
  request: string;
  body?: string;
  query?: string;
  /** Schemas by status; null: an empty body. */
  answers: Record<string, string | null>;
  /** Statuses of errors besides those that every route may answer with. */
  errors: number[];
}

export interface AnswerSeen {
  method: string;
  /** As sent, without the query. */
  path: string;
  status: number;
  contentType: string | undefined;
  body: string;
}

// The request itself, the caller, the server's state: every route may fail for them.
const everyRoutesErrors = [400, 401, 403, 408, 413, 415, 429, 499, 500, 503, 504];

const folder = new URL("../contracts/", import.meta.url);

const contracts: readonly Contract[] = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Contract);

const ajv = new Ajv2020({ strict: true, allErrors: true, strictRequired: false });
addFormats.default(ajv);
for (const { surface, $defs } of contracts) ajv.addSchema({ $id: surface, $defs });

export function contractOf(surface: string): Contract {
  const found = contracts.find((contract) => contract.surface === surface);
  if (!found) throw new Error(`no contract of ${surface}`);
  return found;
}

/** Whether a value fits a schema of the contract. */
export function fits(contract: Contract, name: string, value: unknown): boolean {
  return schemaNamed(contract, name)(value);
}

function schemaNamed({ surface }: Contract, name: string): ValidateFunction {
  const validate = ajv.getSchema(`${surface}#/$defs/${name}`);
  if (!validate) throw new Error(`the contract of ${surface} has no schema ${name}`);
  return validate;
}

/** The rules of its contract that the answer breaks. Undefined for paths without a contract; empty if the answer fits. */
export function brokenRules(answer: AnswerSeen): string[] | undefined {
  const path = answer.path.replaceAll(/%3a/gi, ":");
  const candidates = contracts.filter(({ prefixes }) => prefixes.some((prefix) => isBelow(path, prefix)));
  if (candidates.length === 0) return undefined;
  const method = answer.method === "HEAD" ? "GET" : answer.method;
  for (const contract of candidates) {
    const route = contract.routes.find(({ request }) => patternOf(request).test(`${method} ${path}`));
    if (route) return checkRoute(contract, route, answer);
  }
  // No route: the error of one of the surfaces that share the prefix.
  if (answer.status < 400) return [`${answer.status} at a path of no route`];
  const failures = candidates.map((contract) => checkBody(contract, contract.error, answer));
  return failures.find((broken) => broken.length === 0) ?? failures.flat();
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

const patterns = new Map<string, RegExp>();

function patternOf(request: string): RegExp {
  let pattern = patterns.get(request);
  if (!pattern) {
    const source = request
      .replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`)
      .replaceAll("{path}", "(?:/.+)?")
      .replaceAll(/\{\w+\}/g, "[^/:]+");
    pattern = new RegExp(`^${source}$`);
    patterns.set(request, pattern);
  }
  return pattern;
}

function checkRoute(contract: Contract, { answers, errors }: ContractRoute, answer: AnswerSeen): string[] {
  const { status } = answer;
  if (status >= 400) {
    if (!everyRoutesErrors.includes(status) && !errors.includes(status)) return [`status ${status} is not documented`];
    return checkBody(contract, contract.error, answer);
  }
  if (!Object.hasOwn(answers, status)) return [`status ${status} is not documented`];
  return checkBody(contract, answers[status] ?? null, answer);
}

function checkBody(contract: Contract, name: string | null, { method, contentType, body }: AnswerSeen): string[] {
  if (name === null || method === "HEAD") return body === "" ? [] : ["the body is not empty"];
  if (contentType !== "application/json") return [`the content-type is ${contentType}`];
  const validate = schemaNamed(contract, name);
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return ["the body is not JSON"];
  }
  if (validate(json)) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }) => {
    return `${name}${instancePath} ${message} ${JSON.stringify(params)}`;
  });
}
