// 1Password's Connect servers: https://developer.1password.com/docs/connect/api-reference
import { type OnePasswordReference, parseOnePasswordReference } from "../domain/external-vault/reference.ts";
import { answered, failureOf, VaultError } from "./failure.ts";
import { listOf, membersOf, resolveEach } from "./resolve-each.ts";
import { credentialOf, type ExternalVault, type OpenConnection, type VaultContext } from "./vault.ts";

export const onePasswordConnect: ExternalVault = {
  async check(connection, context) {
    listOf(await get(connection, context, "/v1/vaults"));
  },

  async resolve(connection, references, context) {
    const asked = new Map<string, Promise<unknown>>();
    // Read an item once for all of its fields.
    const getOnce = (path: string, filter?: string) => {
      const key = `${path} ${filter ?? ""}`;
      const answer = asked.get(key) ?? get(connection, context, path, filter);
      asked.set(key, answer);
      return answer;
    };
    return resolveEach(references, async (text) => {
      const reference = parseOnePasswordReference(text);
      if (!reference) throw new VaultError(failureOf("missing"));
      const vaultId = await idOf(getOnce, "/v1/vaults", "name", reference.vault);
      const itemsPath = `/v1/vaults/${vaultId}/items`;
      const itemId = await idOf(getOnce, itemsPath, "title", reference.item);
      return fieldOf(await getOnce(`${itemsPath}/${itemId}`), reference);
    });
  },
};

async function get(
  connection: OpenConnection,
  { send }: VaultContext,
  path: string,
  filter?: string,
): Promise<unknown> {
  const url = new URL(connection.baseUrl + path);
  if (filter !== undefined) url.search = String(new URLSearchParams({ filter }));
  const headers = { authorization: `Bearer ${credentialOf(connection, "access_token")}`, accept: "application/json" };
  return answered(await send({ method: "GET", url, headers }));
}

const idForm = /^[a-z0-9]{26}$/;

/** Finds a vault or an item by name, or by id when nothing has this name. */
async function idOf(
  getOnce: (path: string, filter: string) => Promise<unknown>,
  path: string,
  attribute: string,
  name: string,
): Promise<string> {
  // References cannot contain quotes.
  const found = listOf(await getOnce(path, `${attribute} eq "${name}"`)).map((each) => membersOf(each)["id"]);
  if (found.length === 0 && idForm.test(name)) return name;
  const id = theOnly(found);
  if (typeof id !== "string" || !idForm.test(id)) throw new VaultError(failureOf("faulty"));
  return id;
}

/** Returns the value of the field with this label or id, in the named section if one is given. */
function fieldOf(item: unknown, { section, field: name }: OnePasswordReference): unknown {
  const { fields, sections } = membersOf(item);
  const sectionIds = section === undefined ? [] : listOf(sections ?? []).filter((each) => isCalled(each, section));
  const matching = listOf(fields ?? []).filter((field) => {
    if (!isCalled(field, name)) return false;
    const { id } = membersOf(membersOf(field)["section"]);
    return section === undefined || sectionIds.some((each) => membersOf(each)["id"] === id);
  });
  return membersOf(theOnly(matching))["value"];
}

/** 1Password's references are case-insensitive. */
function isCalled(thing: unknown, name: string): boolean {
  const { id, label } = membersOf(thing);
  return [id, label].some((text) => typeof text === "string" && text.toLowerCase() === name.toLowerCase());
}

function theOnly(found: readonly unknown[]): unknown {
  if (found.length === 0) throw new VaultError(failureOf("missing"));
  if (found.length > 1) throw new VaultError(failureOf("ambiguous"));
  return found[0];
}
