// An error as the Connect protocol writes it: JSON with code, message and details.
import type { Registry } from "@bufbuild/protobuf";
import { errorToJson } from "@connectrpc/connect/protocol-connect";
import type { CofferError } from "../../domain/error/errors.ts";
import { connectStatusOf, errorHeaders, toConnectError } from "../../rpc/errors.ts";
import type { Answer } from "../exchange.ts";

/** `status` is the one of the Connect protocol unless given. */
export function connectErrorAnswer(error: CofferError, registry?: Registry, status = connectStatusOf(error)): Answer {
  const headers: Record<string, string> = { ...errorHeaders(error), "content-type": "application/json" };
  if (status === 401) headers["www-authenticate"] = "Bearer";
  if (error.metadata["allow"] !== undefined) headers["allow"] = error.metadata["allow"];
  const json = errorToJson(toConnectError(error), registry === undefined ? undefined : { registry });
  return { status, headers, body: JSON.stringify(json) };
}
