// Facts about methods: read from the options in proto/, and refused at start if they are wrong.
import { create, type DescMethod, type Message } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  GetSecretRequestSchema as PathRequestSchema,
  SecretService as PathService,
} from "../../gen/coffer/rest/thalassa/v1/secret_service_pb.ts";
import {
  BatchGetSecretValuesRequestSchema,
  GetSecretRequestSchema,
  SecretService,
} from "../../gen/coffer/v1/secret_service_pb.ts";
import { UpdateWorkspaceRequestSchema, WorkspaceService } from "../../gen/coffer/v1/workspace_service_pb.ts";
import { StartupError } from "../../src/domain/error/startup-error.ts";
import { readMethodFacts } from "../../src/rpc/method-facts.ts";
import { wireApis } from "../../src/surfaces/surfaces.ts";
import { type LibraryMethod, libraryService } from "../http/library.ts";

const facts = readMethodFacts(wireApis.flatMap(({ services }) => services.map(({ desc }) => desc)));

function factsOf(method: DescMethod, message: Message) {
  const found = facts.get(method);
  return found && [found.resourceType, found.subject(message), found.workspace(message), found.points(message)];
}

describe("the facts of a call", () => {
  test("are in the first field that is not empty, also one of a oneof", () => {
    const { getSecret } = SecretService.method;
    const byName = create(GetSecretRequestSchema, { secret: { case: "name", value: "n" }, workspaceId: "ws_1" });
    expect(factsOf(getSecret, byName)).toEqual(["secret", "n", "ws_1", 1]);
    const empty = create(GetSecretRequestSchema, { workspaceId: "ws_1" });
    expect(factsOf(getSecret, empty)).toEqual(["secret", "ws_1", "ws_1", 1]);
  });

  test("are in a field of a message in the request, if there is one", () => {
    const { updateWorkspace } = WorkspaceService.method;
    const change = create(UpdateWorkspaceRequestSchema, { workspace: { id: "ws_1" } });
    expect(factsOf(updateWorkspace, change)).toEqual(["workspace", "ws_1", "ws_1", 1]);
    expect(factsOf(updateWorkspace, create(UpdateWorkspaceRequestSchema))).toEqual(["workspace", "", "", 1]);
  });

  test("have the slash of a path that a URL has without it", () => {
    const { getSecret } = PathService.method;
    const inUrl = create(PathRequestSchema, { urlPath: "a/b", path: "/c" });
    expect(factsOf(getSecret, inUrl)).toEqual(["secret", "/a/b", "", 1]);
    expect(factsOf(getSecret, create(PathRequestSchema, { path: "/c" }))).toEqual(["secret", "/c", "", 1]);
  });

  test("are one point for each entry of a batch, and at least one", () => {
    const { batchGetSecretValues } = SecretService.method;
    const ofSize = (length: number) =>
      create(BatchGetSecretValuesRequestSchema, { requests: Array.from({ length }, () => ({})) });
    const points = [0, 1, 3].map((length) => facts.get(batchGetSecretValues)?.points(ofSize(length)));
    expect(points).toEqual([1, 1, 3]);
  });
});

describe("a start is refused, with the name of the method", () => {
  const method = (callOptions?: LibraryMethod["callOptions"]): LibraryMethod => ({
    name: "Get",
    rule: { pattern: { case: "get", value: "/v1/books/{id}" } },
    ...(callOptions ? { callOptions } : {}),
  });

  test.each<[string, LibraryMethod["callOptions"], string]>([
    ["no options", undefined, " does not set the option (coffer.options.v1.call)"],
    ["an unknown resource type", { resourceType: "book" }, ': resource_type "book" is not known'],
    ["an unknown subject", { resourceType: "none", subject: "id,nope" }, ": library.v1.BookRequest has no field nope"],
    ["an unknown field of a message", { resourceType: "none", subject: "book.nope" }, " has no field book.nope"],
    [
      "a subject that is not a text",
      { resourceType: "none", subject: "page_size" },
      ": page_size is not a string field",
    ],
    ["a workspace that is not a text", { resourceType: "none", workspace: "book" }, ": book is not a string field"],
    [
      "points for a field that is not a list",
      { resourceType: "none", pointsPer: "id" },
      ": points_per id is not a repeated field",
    ],
  ])("for %s", (_, callOptions, message) => {
    const read = () => readMethodFacts([libraryService([method(callOptions)])]);
    expect(read).toThrow(StartupError);
    expect(read).toThrow(/^library\.v1\.LibraryService\/Get/);
    expect(read).toThrow(message);
  });

  test("and not for options that are right", () => {
    const right = method({ resourceType: "secret", subject: "id,book.id", pointsPer: "colors" });
    expect(readMethodFacts([libraryService([right])]).size).toBe(1);
  });
});
