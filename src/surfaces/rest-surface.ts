// What the REST gateway must know of a surface beyond its annotated services.
import type { DescService, JsonValue } from "@bufbuild/protobuf";
import type { CofferError } from "../domain/error/errors.ts";

export interface WorkspaceHeader {
  name: string;
  /** Whether every request needs it; otherwise only tokens that reach several workspaces do. */
  isRequired: boolean;
  /** A header that may name the same workspace once more; any other one is not found there. */
  projectName?: string;
}

/** The workspace is a part of every path. */
export interface WorkspaceInPath {
  /** The request's field that holds it, as generated code spells it. */
  field: string;
  /** Its id, from how the surface writes it; what can be none is returned as it is. */
  toWorkspaceId(text: string): string;
}

/** A family of REST paths with one JSON style and one error body. */
export interface RestSurface {
  name: string;
  services: readonly DescService[];
  /** What names the workspace. */
  workspace: WorkspaceHeader | WorkspaceInPath;
  /** How answers spell fields: as the proto file does, or in lowerCamelCase. */
  fieldNames: "proto" | "json";
  /** A field with presence that is unset is written as `null` instead of being left out. */
  nullWhenUnset: boolean;
  /** Requests spell fields as the proto file does and write numbers as numbers; proto JSON's other ways are no known fields and types. */
  exactJson: boolean;
  /** The error as this surface's documents show errors; `httpStatus` is what the error table says. */
  renderError(error: CofferError, httpStatus: number): { httpStatus: number; body: JsonValue };
  /** The headers of an answer under the names that this surface's documents have; undefined: they stay as they are. */
  renderHeaders?: (headers: Record<string, string>, nowMs: number) => Record<string, string>;
}
