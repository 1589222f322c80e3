// An error as the Connect protocol writes it: JSON with code, message and details.
import type { Registry } from "@bufbuild/protobuf";
import { errorToJson } from "@connectrpc/connect/protocol-connect";
import type { CofferError } from "../domain/errors.ts";
import { errorHeaders, httpStatusOf, toConnectError } from "../rpc/errors.ts";
import type { Answer } from "./exchange.ts";

export function connectErrorAnswer(error: CofferError, registry?: Registry): Answer {
  const status = httpStatusOf(error);
  const headers: Record<string, string> = { ...errorHeaders(error), "content-type": "application/json" };
  if (status === 401) headers["www-authenticate"] = "Bearer";
  if (error.metadata["allow"] !== undefined) headers["allow"] = error.metadata["allow"];
  const json = errorToJson(toConnectError(error), registry === undefined ? undefined : { registry });
  return { status, headers, body: JSON.stringify(json) };
}
