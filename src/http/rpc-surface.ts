// The typed API and the public services as a surface: Connect, gRPC and gRPC-Web.
import type { DescMethod, DescMethodUnary, DescService } from "@bufbuild/protobuf";
import { peerKey } from "../call/context.ts";
import {
  type AdmittedCall,
  type Answer,
  closingOf,
  type HttpCall,
  isGone,
  type StreamedAnswer,
} from "../call/http-call.ts";
import { isUnary } from "../call/invoke.ts";
import type { Surface, WireApi } from "../call/surface.ts";
import { CofferError } from "../domain/error/errors.ts";
import { createPublicStreams, type PublicStreams } from "../rpc/public-streams.ts";
import { publicBodyBytesMax } from "./body/read-body.ts";
import { allowsGet, answerConnectGet } from "./direct/connect-get.ts";
import { answerConnectUnary, type UnaryOptions, unaryCodec } from "./direct/connect-unary.ts";
import { connectErrorAnswer, grpcErrorAnswer } from "./direct/error-answers.ts";
import { type GrpcContentType, readGrpcContentType } from "./direct/grpc-content-type.ts";
import { answerGrpcUnary, readTimeoutMs } from "./direct/grpc-unary.ts";
import type { RpcHandler } from "./rpc-handler.ts";

export interface RpcOptions {
  /** The API whose services are called by these protocols. */
  api: WireApi;
  /** Services that need no credential and accept only small bodies. */
  publicServices: readonly DescService[];
  /** Answers streams, which only public services have. */
  streams: RpcHandler;
}

export function createRpcSurface({ api, publicServices, streams }: RpcOptions, options: UnaryOptions): Surface {
  const { bodyLimits } = options;
  const services = [...api.services.map(({ desc }) => desc), ...publicServices];
  const methods: ReadonlyMap<string, DescMethod> = new Map(
    services.flatMap(({ typeName, methods: ofService }) =>
      ofService.map((method) => [`/${typeName}/${method.name}`, method] as const),
    ),
  );
  const publicOptions = {
    ...options,
    bodyLimits: { ...bodyLimits, sizeBytesMax: Math.min(bodyLimits.sizeBytesMax, publicBodyBytesMax) },
  };
  const publicStreams = createPublicStreams();
  const surface: Surface = {
    ...api,
    owns: ({ path, headers }) =>
      // The name of each service has a dot, and most paths of REST have none.
      (path.includes(".") && (methods.has(path) || looksLikeRpc(path))) ||
      readGrpcContentType(headers.get("content-type")) !== undefined,

    async answer(call, server) {
      const grpc = readGrpcContentType(call.headers.get("content-type"));
      const method = methods.get(call.path);
      if (method === undefined) throw new CofferError("METHOD_UNIMPLEMENTED", "the method is not found");
      if (grpc?.isProto === false) {
        throw new CofferError(
          "UNSUPPORTED_MEDIA_TYPE",
          "gRPC is served with Protobuf messages: the content-type must end in +proto",
        );
      }
      if (!isUnary(method)) return answerStream(streams, publicStreams, grpc, call);
      const isPublic = publicServices.includes(method.parent);
      // Public services need no credential.
      const admitted = isPublic ? (call as AdmittedCall) : await server.admit(surface, call);
      const limited = isPublic ? publicOptions : options;
      return grpc === undefined
        ? answerConnect(limited, method, admitted)
        : answerGrpc(limited, method, grpc, admitted);
    },

    renderError(error, { headers }) {
      const grpc = readGrpcContentType(headers.get("content-type"));
      return grpc ? grpcErrorAnswer(error, grpc) : connectErrorAnswer(error);
    },
  };
  return surface;
}

/** Returns whether a path has the form of an RPC's, known or not. */
function looksLikeRpc(path: string): boolean {
  return /^\/[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\/[A-Za-z_]\w*$/.test(path);
}

function answerConnect(options: UnaryOptions, method: DescMethodUnary, call: AdmittedCall): Promise<Answer> {
  if ((call.method === "GET" || call.method === "HEAD") && allowsGet(method))
    return answerConnectGet(options, method, call);
  if (call.method !== "POST") {
    const allow = allowsGet(method) ? "GET, HEAD, POST" : "POST";
    throw new CofferError("METHOD_NOT_ALLOWED", `the method is served for ${allow}`, { allow });
  }
  const codec = unaryCodec(call.headers.get("content-type"));
  if (codec !== undefined) return answerConnectUnary(options, method, codec, call);
  throw new CofferError("UNSUPPORTED_MEDIA_TYPE", "the content-type must be application/json or application/proto");
}

function answerGrpc(
  options: UnaryOptions,
  method: DescMethodUnary,
  grpc: GrpcContentType,
  call: AdmittedCall,
): Promise<Answer> {
  if (call.method !== "POST") {
    throw new CofferError("METHOD_NOT_ALLOWED", "gRPC is served for POST", { allow: "POST" });
  }
  return answerGrpcUnary(options, method, grpc, call);
}

/** Fails with RATE_LIMITED if there are too many streams. */
function answerStream(
  streams: RpcHandler,
  publicStreams: PublicStreams,
  grpc: GrpcContentType | undefined,
  call: HttpCall,
): StreamedAnswer {
  if (grpc) refuseLate(call);
  // connect-node makes a URL of the host. HTTP/1.0 and HTTP/2 do not require one.
  const { request, contextValues } = call;
  const host = "authority" in request ? request.authority : request.headers.host;
  if (!host) throw new CofferError("REQUEST_MALFORMED", "the request names no host");
  const close = publicStreams.open(contextValues.get(peerKey)?.address ?? "");
  return {
    write(_request, response) {
      if (isGone(response)) close();
      else closingOf(response).once("close", close);
      streams(request, response, contextValues);
    },
  };
}

/** A stream whose deadline has passed must not begin: connect-node would send its first messages. */
function refuseLate({ headers, receivedMs }: HttpCall): void {
  const timeoutMs = readTimeoutMs(headers);
  if (timeoutMs === undefined || performance.now() - receivedMs < timeoutMs) return;
  throw new CofferError("DEADLINE_EXCEEDED", "the call's deadline has passed");
}
