// Requests must not stay in memory: their heads hold credentials.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import type { RequestHead } from "../../../src/call/http-call.ts";
import type { Surface } from "../../../src/call/surface.ts";
import { CofferError } from "../../../src/domain/error/errors.ts";
import { transcodedSurfaces } from "../../../src/surfaces/transcoded/surfaces.ts";
import { libraryApi } from "../../http/library.ts";
import { until } from "../../support/poll.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

test.each(["/v1/books", "/v1/unknown"])(
  "surfaces keep no request to %s in memory when its error is shown",
  async (path) => {
    const surfaces = transcodedSurfaces([
      libraryApi([{ name: "List", rule: { pattern: { case: "get", value: "/v1/books" } } }]),
    ]);
    const request = findOwner(surfaces, path);
    await until(
      "the request is collected",
      async () => {
        collectGarbage();
        return request.deref() === undefined;
      },
      5_000,
    );
    expect(surfaces).toHaveLength(1);
  },
);

/** As the server finds the surface of a request, and shows an error there. */
function findOwner(surfaces: readonly Surface[], path: string): WeakRef<RequestHead> {
  const head: RequestHead = { method: "GET", path, query: "", headers: new Headers({ authorization: "Bearer t" }) };
  const error = new CofferError("ROUTE_NOT_FOUND", "the path is not found");
  surfaces.find((surface) => surface.owns(head))?.renderError(error, head);
  return new WeakRef(head);
}
