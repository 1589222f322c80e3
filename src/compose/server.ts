// Connects the surfaces, their services and the steps of every call into one server.
import type { DescService } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  createConnectRouter,
  createServiceImplSpec,
  type Interceptor,
  type ServiceImpl,
  type ServiceImplSpec,
} from "@connectrpc/connect";
import { compressionGzip } from "@connectrpc/connect-node";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionV1Alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { timeoutMsMax } from "../call/invoke.ts";
import { anyTypes } from "../call/schema/any-types.ts";
import type { Surface } from "../call/surface.ts";
import type { Config } from "../config/config.ts";
import { newId } from "../domain/ids.ts";
import { publicBodyBytesMax } from "../http/body/read-body.ts";
import { createRpcHandler } from "../http/rpc-handler.ts";
import { createHttpServer, type HttpServer } from "../http/server.ts";
import type { RedisConnection } from "../redis/connection.ts";
import { leasePoints } from "../redis/leased-limit.ts";
import { createFailureLimits, createRateLimit, type RateLimit } from "../redis/rate-limits.ts";
import { ownCounter, primaryCounter } from "../redis/worker-limits.ts";
import { type AuthenticateDeps, createAdmission } from "../rpc/authenticate.ts";
import { createDryRun, onlyPure } from "../rpc/dry-run.ts";
import { healthService } from "../rpc/health.ts";
import { createDryCall, createInvoke } from "../rpc/invoke.ts";
import { readMethodFacts } from "../rpc/method-facts.ts";
import type { Readiness } from "../rpc/readiness.ts";
import { reflectionServices } from "../rpc/reflection.ts";
import { createSteps, createStreamInterceptors, type StepDeps } from "../rpc/steps.ts";
import { warmUp } from "../rpc/validate.ts";
import type { DenialLog } from "../runtime/audit-denials.ts";
import type { Deps } from "../runtime/deps.ts";
import { surfaces, typedApi } from "../surfaces/surfaces.ts";
import type { Logger } from "./log.ts";

export interface ServerParts {
  config: Config;
  log: Logger;
  deps: Deps;
  denials: DenialLog;
  redis: RedisConnection | undefined;
  readiness: Readiness;
  isWorker: boolean;
  shutdownSignal: AbortSignal;
  /** Served besides those of the table. */
  moreSurfaces?: readonly Surface[] | undefined;
}

export function createServer(parts: ServerParts): HttpServer {
  const { config, log, deps, denials, readiness, shutdownSignal } = parts;
  const allSurfaces = [...surfaces, ...(parts.moreSurfaces ?? [])];
  const services = [typedApi, ...allSurfaces].flatMap((api) => api.services);
  const descs = services.map(({ desc }) => desc);
  const publicServices = createPublicServices(readiness);
  const publicDescs = publicServices.map(({ implementation }) => implementation.service);
  const publicNames = new Set(publicDescs.map(({ typeName }) => typeName));
  const authenticateDeps: AuthenticateDeps = {
    ...deps,
    failureLimits: createFailureLimits(config.rateLimitUnauthenticated, counterOf(parts)),
    methodFacts: readMethodFacts(descs),
  };
  const pureDeps = onlyPure(deps, ["now", "random", "regions", "deploymentId", "deploymentKeys"]);
  const stepDeps: StepDeps = {
    ...authenticateDeps,
    isPublic: (name) => publicNames.has(name),
    dryRun: createDryRun(createDryCall(services.map(({ implement }) => implement(pureDeps, config)))),
    denials,
    log: {
      isInfo: () => log.isLevelEnabled("info"),
      info: (record) => log.info(record, "call"),
      error: (record, cause) => log.error({ ...record, err: cause }, "call"),
    },
    rateLimits: createRateLimits(parts),
  };
  warmUp(descs.flatMap(({ methods }) => methods.map(({ input }) => input)));
  const onUnexpectedError = (error: unknown) => log.error({ err: error }, "unexpected");
  return createHttpServer({
    rpc: {
      api: typedApi,
      publicServices: publicDescs,
      streams: createRpcHandler(
        createStreamRouter(publicServices, createStreamInterceptors(stepDeps), shutdownSignal),
        onUnexpectedError,
      ),
    },
    surfaces: allSurfaces,
    invoke: createInvoke(
      [
        ...services.map(({ implement }) => implement(deps, config)),
        ...publicServices.map(({ implementation }) => implementation),
      ],
      createSteps(stepDeps),
    ),
    admit: createAdmission(authenticateDeps),
    isReady: readiness.isReady,
    newRequestId: () => newId("req", deps.now(), deps.random),
    trustedProxies: config.trustedProxies,
    onRefused: (refusal) => log.info(refusal, "refused"),
    onUnexpectedError,
    ...(config.tls ? { tls: config.tls } : {}),
  });
}

interface PublicService {
  implementation: ServiceImplSpec;
  register(router: ConnectRouter): void;
}

/** Returns the services that need no credential. */
function createPublicServices(readiness: Readiness): PublicService[] {
  const typed = typedApi.services.map(({ desc }) => desc);
  const reflection = reflectionServices([...typed, Health, ServerReflection, ServerReflectionV1Alpha]);
  const serviceNames = new Set(typed.map(({ typeName }) => typeName));
  return [
    publicService(Health, healthService({ readiness, serviceNames })),
    publicService(ServerReflection, reflection.v1),
    publicService(ServerReflectionV1Alpha, reflection.v1alpha),
  ];
}

function publicService<Desc extends DescService>(desc: Desc, implementation: ServiceImpl<Desc>): PublicService {
  return {
    implementation: createServiceImplSpec(desc, implementation),
    register: (router) => router.service(desc, implementation),
  };
}

/** Returns a router for streams, which only public services have. */
function createStreamRouter(
  publicServices: readonly PublicService[],
  interceptors: Interceptor[],
  shutdownSignal: AbortSignal,
): ConnectRouter {
  const router = createConnectRouter({
    interceptors,
    readMaxBytes: publicBodyBytesMax,
    acceptCompression: [compressionGzip],
    jsonOptions: { ignoreUnknownFields: false, registry: anyTypes },
    maxTimeoutMs: timeoutMsMax,
    shutdownSignal,
  });
  for (const { register } of publicServices) register(router);
  return router;
}

function createRateLimits(parts: ServerParts): Record<"principal" | "workspace", RateLimit> {
  const { config, redis } = parts;
  const shared = redis && { redis, prefix: config.redisPrefix };
  const limitOf = (name: string, limit: number) =>
    leasePoints(createRateLimit(name, limit, shared, counterOf(parts)), limit);
  return {
    principal: limitOf("principal", config.rateLimitPrincipal),
    workspace: limitOf("workspace", config.rateLimitWorkspace),
  };
}

function counterOf({ isWorker }: ServerParts): typeof ownCounter {
  return isWorker ? primaryCounter : ownCounter;
}
