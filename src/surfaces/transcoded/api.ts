// The description of a REST API that is served from a proto file with google.api.http annotations.
import type { JsonValue } from "@bufbuild/protobuf";
import type { WireApi } from "../../call/surface.ts";
import type { CofferError } from "../../domain/error/errors.ts";

export interface TranscodedApi extends WireApi {
  /** How answers spell fields: as the proto file does, or in lowerCamelCase. */
  fieldNames: "proto" | "json";
  /** An unset field with presence is written as `null` instead of being omitted. */
  nullWhenUnset: boolean;
  /** Requests must spell fields as the proto file does and write numbers as numbers. The other forms of proto JSON are refused. */
  exactJson: boolean;
  /** Returns the error as this API shows errors; `httpStatus` is the one of the error table. */
  showError(error: CofferError, httpStatus: number): { httpStatus: number; body: JsonValue };
  /** Returns the headers of an answer under the names of this API; undefined: they stay unchanged. */
  showHeaders?(headers: Record<string, string>, nowMs: number): Record<string, string>;
}
