// Passwords that coffer makes by a recipe, on the real servers.
import { createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { CharacterClass, type GenerateSchema } from "../../../gen/coffer/v1/secret_pb.ts";
import { SecretService } from "../../../gen/coffer/v1/secret_service_pb.ts";
import { Role } from "../../../gen/coffer/v1/token_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { denied, expectError, invalid, secretNotFound } from "../../support/errors.ts";
import { printed } from "../../support/printed.ts";
import { twice, withKey } from "../../support/replay.ts";
import {
  byId,
  countSecrets,
  createSecret,
  getSecret,
  type Init,
  newName,
  present,
  readText,
} from "../../support/secrets.ts";
import { protocols, transportFor } from "../../support/transports.ts";

const coffer = useCoffer();

type GenerateInit = Init<typeof GenerateSchema>;
type Recipe = NonNullable<GenerateInit["password"]>;
const { LOWER, UPPER, DIGITS, SYMBOLS } = CharacterClass;

const generate = (value: GenerateInit) => ({ value: { case: "generate", value } }) as const;
const of = (characterClass: CharacterClass, minimum = 0) =>
  ({ characters: { case: "characterClass", value: characterClass }, minimum }) as const;
const these = (text: string, minimum = 0) =>
  ({ characters: { case: "explicitCharacters", value: text }, minimum }) as const;

const strong: Recipe = {
  length: 24,
  alphabets: [of(LOWER, 2), of(UPPER, 2), of(DIGITS, 2), of(SYMBOLS, 2), these("e", 1)],
  excludedCharacters: "l1IO0",
};

describe("succeeds", () => {
  it.each(protocols)(
    "makes a secret and a version over %s, which no answer but that of reading shows",
    async (protocol) => {
      const secrets = createClient(SecretService, transportFor(protocol, coffer.url, coffer.ownerToken));
      const made = await secrets.createSecret({ name: newName(), ...generate({ password: strong }) });
      const id = present(made.secret).id;
      const added = await secrets.addSecretVersion({ ...byId(id), ...generate({ password: strong }) });
      const passwords = [await readText(coffer, { id }, "1"), await readText(coffer, { id }, "2")];
      expect(passwords[0]).not.toBe(passwords[1]);
      for (const password of passwords) {
        expect(password).toMatch(/^[!-~]{24}$/);
        expect(password).not.toMatch(/[l1IO0]/);
        for (const some of [/[a-z].*[a-z]/, /[A-Z].*[A-Z]/, /\d.*\d/, /[^A-Za-z0-9].*[^A-Za-z0-9]/, /e/]) {
          expect(password).toMatch(some);
        }
        expect(printed(made) + printed(added)).not.toContain(password);
        expect(coffer.logLines.join("\n")).not.toContain(JSON.stringify(password).slice(1, -1));
      }
    },
  );

  it.each([8, 1024])("makes %i characters of the only ones there are", async (length) => {
    const recipe = { length, alphabets: [these("ab "), these("b-", length)], excludedCharacters: "-a" };
    expect(await readText(coffer, await createSecret(coffer, generate({ password: recipe })))).toBe("b".repeat(length));
  });

  it("makes what the kind of the secret takes", async () => {
    const webhook = { kind: "webhook_signing" };
    const recipe = (length: number) => generate({ password: { length, alphabets: [of(LOWER)] } });
    expect(await readText(coffer, await createSecret(coffer, { ...webhook, ...recipe(16) }))).toMatch(/^[a-z]{16}$/);
    await expectError(createSecret(coffer, { ...webhook, ...recipe(15) }), invalid("generate.password.length"));
  });

  it("makes one password for a call and its replay", async () => {
    const request = { name: newName(), ...generate({ password: strong }) };
    const key = newName("key");
    const { first, second } = await twice(key, (options) => coffer.clients().secrets.createSecret(request, options));
    expect([first.replayed, second.replayed]).toEqual([false, true]);
    expect(second.answer.secret).toEqual(first.answer.secret);
    expect(await countSecrets(coffer, request.name)).toBe(1);
    const other = { ...request, ...generate({ password: { ...strong, length: 25 } }) };
    await expectError(
      withKey(key, (options) => coffer.clients().secrets.createSecret(other, options)),
      { reason: "IDEMPOTENCY_KEY_REUSED" },
    );
  });
});

describe("rejects", () => {
  const p = "generate.password";
  const many = Array.from({ length: 17 }, () => of(LOWER));
  const change = (recipe: Recipe): GenerateInit => ({ password: { ...strong, ...recipe } });

  it.each<[string, GenerateInit, string[]]>([
    ["neither bytes nor a password", {}, ["generate"]],
    ["both", { byteLength: 32, password: strong }, ["generate"]],
    ["7 characters", change({ length: 7, alphabets: [of(LOWER)] }), [`${p}.length`]],
    ["1025 characters", change({ length: 1025 }), [`${p}.length`]],
    ["no alphabet", change({ alphabets: [] }), [`${p}.alphabets`]],
    ["17 alphabets", change({ alphabets: many }), [`${p}.alphabets`]],
    ["an alphabet of nothing", change({ alphabets: [{ minimum: 1 }] }), [`${p}.alphabets[0].characters`]],
    ["an empty alphabet", change({ alphabets: [these("")] }), [`${p}.alphabets[0].explicit_characters`]],
    ["no ASCII", change({ alphabets: [of(LOWER), these("é")] }), [`${p}.alphabets[1].explicit_characters`]],
    [
      "an unknown class",
      change({ alphabets: [of(CharacterClass.UNSPECIFIED)] }),
      [`${p}.alphabets[0].character_class`],
    ],
    ["a minimum of 1025", change({ alphabets: [of(LOWER, 1025)] }), [`${p}.alphabets[0].minimum`, `${p}.length`]],
    ["minimums above the length", change({ length: 8, alphabets: [of(LOWER, 5), of(UPPER, 4)] }), [`${p}.length`]],
    [
      "nothing left",
      change({ alphabets: [of(LOWER), of(DIGITS)], excludedCharacters: "0123456789" }),
      [`${p}.alphabets[1]`],
    ],
    ["one character", change({ alphabets: [these("zzz")] }), [`${p}.alphabets`]],
    ["characters to exclude that are no ASCII", change({ excludedCharacters: "é" }), [`${p}.excluded_characters`]],
  ])("%s, and nothing is written", async (_, value, fields) => {
    const name = newName("bad");
    await expectError(createSecret(coffer, { name, ...generate(value) }), invalid(...fields));
    expect(await countSecrets(coffer, name)).toBe(0);
    const { id } = await createSecret(coffer);
    const add = coffer.clients().secrets.addSecretVersion({ ...byId(id), ...generate(value) });
    await expectError(add, invalid(...fields));
    expect((await getSecret(coffer, { id })).versionCount).toBe(1);
  });
});

describe("denies", () => {
  it("who lacks the permission, and who is of another workspace", async () => {
    const { id } = await createSecret(coffer);
    const request = { ...byId(id), ...generate({ password: strong }) };
    const viewer = coffer.clients(await coffer.tokenWithRole(Role.VIEWER)).secrets;
    await expectError(viewer.addSecretVersion(request), denied("versions.add"));
    const { ownerToken } = await otherWorkspace(coffer);
    await expectError(coffer.clients(ownerToken).secrets.addSecretVersion(request), secretNotFound);
  });
});
