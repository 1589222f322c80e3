// Fixtures for secrets: values, references, an existing secret.
import type { DescMessage, Message, MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Secret } from "../../gen/coffer/v1/secret_pb.ts";
import type { CreateSecretRequestSchema, GetSecretValueResponse } from "../../gen/coffer/v1/secret_service_pb.ts";
import type { TestCoffer } from "./coffer.ts";

export const bytes = (text: string) => new TextEncoder().encode(text);

export const data = (text: string) => ({ case: "data", value: bytes(text) }) as const;

export const keyValues = (values: Record<string, Uint8Array>) => ({ case: "keyValues", value: { values } }) as const;

export const byId = (id: string) => ({ secret: { case: "id", value: id } }) as const;

export const byName = (name: string) => ({ secret: { case: "name", value: name } }) as const;

/** An id of the right form that nothing has. */
export const unknownSecretId = "sec_01jzzzzzzzzzzzzzzzzzzzzzzz";

let names = 0;

/** A name that no other test of the file uses. */
export function newName(prefix = "name"): string {
  names++;
  return `${prefix}-${names}`;
}

/** The fields of a request, not a finished message. */
export type Init<Desc extends DescMessage> = Exclude<MessageInitShape<Desc>, Message>;

export type SecretInit = Init<typeof CreateSecretRequestSchema>;

/** A secret with the value `v1` and a name of its own, unless told otherwise. */
export async function createSecret(coffer: TestCoffer, init: SecretInit = {}, token?: string): Promise<Secret> {
  const { secrets } = coffer.clients(token);
  return present((await secrets.createSecret({ name: newName(), value: data("v1"), ...init })).secret);
}

export async function addVersion(coffer: TestCoffer, { id }: Secret, text: string) {
  return present((await coffer.clients().secrets.addSecretVersion({ ...byId(id), value: data(text) })).version);
}

export async function getSecret(coffer: TestCoffer, { id }: { id: string }): Promise<Secret> {
  return present((await coffer.clients().secrets.getSecret(byId(id))).secret);
}

export async function softDelete(coffer: TestCoffer, { id }: { id: string }, force = false): Promise<Secret> {
  return present((await coffer.clients().secrets.deleteSecret({ ...byId(id), force })).secret);
}

/** How many secrets there are under this name, in any state. */
export async function countSecrets(coffer: TestCoffer, name: string): Promise<unknown> {
  const [row] = await coffer.sql("select count(*)::int as count from secret where path = $1", [`/${name}`]);
  return row?.["count"];
}

/** The value of a version, which was given as data. */
export async function readText(coffer: TestCoffer, { id }: { id: string }, version = ""): Promise<string> {
  return textOf(await coffer.clients().secrets.getSecretValue({ ...byId(id), version }));
}

export function textOf({ value }: GetSecretValueResponse): string {
  if (value.case !== "data") throw new Error(`the value is ${value.case}`);
  return new TextDecoder().decode(value.value);
}

export function timeOf(timestamp: Parameters<typeof timestampDate>[0] | undefined): number {
  return timestampDate(present(timestamp)).getTime();
}

/** Returns a field that a message must have; the test fails without it. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the answer lacks a field");
  return value;
}
