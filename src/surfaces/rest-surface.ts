// What the REST gateway must know of a surface beyond its annotated services.
import type { DescService, JsonValue } from "@bufbuild/protobuf";
import type { CofferError } from "../domain/errors.ts";

/** A family of REST paths with one JSON style and one error body. */
export interface RestSurface {
  name: string;
  services: readonly DescService[];
  /** A field with presence that is unset is written as `null` instead of being left out. */
  nullWhenUnset: boolean;
  /** Requests spell fields as the proto file does and write numbers as numbers; proto JSON's other ways are no known fields and types. */
  exactJson: boolean;
  /** The error as this surface's documents show errors; `httpStatus` is what the error table says. */
  renderError(error: CofferError, httpStatus: number): { httpStatus: number; body: JsonValue };
}
