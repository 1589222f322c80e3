// Lists of secrets as Thalassa Cloud shows them: one level below a path, or all secrets whose path begins with a prefix.
import type { HandlerContext } from "@connectrpc/connect";
import type { ListSecretsRequest } from "../../../gen/coffer/rest/thalassa/v1/secret_service_pb.ts";
import { invalidField } from "../../domain/error/errors.ts";
import type { Caller } from "../../domain/workspace/caller.ts";
import { browseSecrets } from "../../operations/secrets/browse.ts";
import { listSecrets } from "../../operations/secrets/list.ts";
import type { ListDeps } from "../../steps/secrets/authentic-only.ts";
import { showNextPage } from "./headers.ts";
import { showSecrets } from "./messages.ts";
import { regionIn } from "./secret-address.ts";

/** The largest and the default number of entries in a list. */
export const entriesMax = 1_000;

/** Fails with FIELD_INVALID if the request has both a path and a prefix. */
export async function toList(deps: ListDeps, caller: Caller, request: ListSecretsRequest, context: HandlerContext) {
  const { path, pathPrefix, limit, pageToken } = request;
  if (path !== undefined && pathPrefix !== undefined) throw invalidField("path", "cannot be given with pathPrefix");
  const region = regionIn(deps, request.region);
  const page = { region, pageSize: limit ?? entriesMax, pageToken };
  const address = `/v1/secrets/${region}/secrets`;
  if (path !== undefined) {
    const level = path.endsWith("/") ? path : `${path}/`;
    const { prefixes, secrets, nextPageToken } = await browseSecrets(deps, caller, { ...page, path: level });
    showNextPage(context, address, { path: level, limit }, nextPageToken);
    return { level: { path: level, prefixes, secrets: await showSecrets(deps, secrets) } };
  }
  const filter = { namePrefix: pathPrefix ?? "", kind: "", labels: {}, states: [] };
  const { items, nextPageToken } = await listSecrets(deps, caller, { ...page, ...filter });
  showNextPage(context, address, { pathPrefix, limit }, nextPageToken);
  return { secrets: await showSecrets(deps, items) };
}
