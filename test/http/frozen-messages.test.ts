// The encodings of messages with frozen parts are those of the library, also when they are kept.
import { create, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { type ListSecretsResponse, ListSecretsResponseSchema } from "../../gen/coffer/v1/secret_service_pb.ts";
import { jsonWriter } from "../../src/call/json/writer.ts";
import { writeBinary } from "../../src/call/schema/frozen-messages.ts";
import { randomMessage } from "../support/random-messages.ts";
import { seededRandom } from "../support/seeded-random.ts";

const style = { fieldNames: "json", writesDefaults: false, nullWhenUnset: false } as const;

/** Some of its secrets are frozen. */
function randomPage(seed: number): ListSecretsResponse {
  const random = seededRandom(seed);
  const page = randomMessage(ListSecretsResponseSchema, random) as ListSecretsResponse;
  for (const secret of page.secrets) if (random.chance(0.5)) Object.freeze(secret);
  return page;
}

test("a page with frozen messages is written as the library writes it, the first time and again", () => {
  const write = jsonWriter(ListSecretsResponseSchema, style);
  for (let seed = 0; seed < 100; seed++) {
    const page = randomPage(seed);
    const json: unknown = JSON.parse(JSON.stringify(toJson(ListSecretsResponseSchema, page)));
    const binary = fromBinary(ListSecretsResponseSchema, toBinary(ListSecretsResponseSchema, page));
    for (let time = 0; time < 2; time++) {
      expect(JSON.parse(write(page))).toEqual(json);
      expect(fromBinary(ListSecretsResponseSchema, writeBinary(ListSecretsResponseSchema, page))).toEqual(binary);
    }
  }
});

test("only a frozen message is kept: a change of another one is seen", () => {
  const write = jsonWriter(ListSecretsResponseSchema, style);
  const page = create(ListSecretsResponseSchema, { secrets: [{ name: "before" }] });
  const binary = () => Buffer.from(writeBinary(ListSecretsResponseSchema, page)).toString("latin1");
  expect([write(page), binary()]).toEqual([expect.stringContaining("before"), expect.stringContaining("before")]);
  for (const secret of page.secrets) secret.name = "after";
  expect([write(page), binary()]).toEqual([expect.stringContaining("after"), expect.stringContaining("after")]);
});
