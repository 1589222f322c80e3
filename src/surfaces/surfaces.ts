// The table of surfaces: the server, the documents and the tests read it.
import type { Surface, WireApi } from "../call/surface.ts";
import { akuaApi } from "./akua/api.ts";
import { cofferApi } from "./coffer/api.ts";
import { dataRavenApi } from "./dataraven/api.ts";
import { superserveApi } from "./superserve/api.ts";
import { thalassaApi } from "./thalassa/api.ts";
import type { TranscodedApi } from "./transcoded/api.ts";
import { transcodedSurfaces } from "./transcoded/surfaces.ts";

/** The API that Connect, gRPC and gRPC-Web serve. */
export const typedApi: WireApi = cofferApi;

export const restApis: readonly TranscodedApi[] = [akuaApi, thalassaApi, dataRavenApi, superserveApi];

/** The surfaces beside the typed API. A surface of another kind is one more entry of this list. */
export const surfaces: readonly Surface[] = [...transcodedSurfaces(restApis)];

export const wireApis: readonly WireApi[] = [typedApi, ...surfaces];
