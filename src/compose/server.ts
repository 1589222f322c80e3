// Wires the services, what every call passes, and the gateway into one server.
import { createRegistry, type DescService } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  createConnectRouter,
  createServiceImplSpec,
  type ServiceImpl,
  type ServiceImplSpec,
} from "@connectrpc/connect";
import { compressionGzip } from "@connectrpc/connect-node";
import { SecretService as AkuaSecretService } from "../../gen/coffer/rest/akua/v1/secret_service_pb.ts";
import { SecretVersionService as AkuaVersionService } from "../../gen/coffer/rest/akua/v1/version_service_pb.ts";
import { SecretService as DataRavenSecretService } from "../../gen/coffer/rest/dataraven/v1/secret_service_pb.ts";
import { VaultConnectionService as DataRavenVaultConnectionService } from "../../gen/coffer/rest/dataraven/v1/vault_connection_service_pb.ts";
import { SandboxService as SuperserveSandboxService } from "../../gen/coffer/rest/superserve/v1/sandbox_service_pb.ts";
import { SecretService as SuperserveSecretService } from "../../gen/coffer/rest/superserve/v1/secret_service_pb.ts";
import { TemplateService as SuperserveTemplateService } from "../../gen/coffer/rest/superserve/v1/template_service_pb.ts";
import { KeyService as ThalassaKeyService } from "../../gen/coffer/rest/thalassa/v1/key_service_pb.ts";
import { SecretService as ThalassaSecretService } from "../../gen/coffer/rest/thalassa/v1/secret_service_pb.ts";
import { AccessService } from "../../gen/coffer/v1/access_service_pb.ts";
import { AuditService } from "../../gen/coffer/v1/audit_service_pb.ts";
import { EgressService } from "../../gen/coffer/v1/egress_service_pb.ts";
import { ExternalVaultService } from "../../gen/coffer/v1/external_vault_service_pb.ts";
import { KeyService } from "../../gen/coffer/v1/key_service_pb.ts";
import { SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import { TokenService } from "../../gen/coffer/v1/token_service_pb.ts";
import { WorkspaceService } from "../../gen/coffer/v1/workspace_service_pb.ts";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionV1Alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import type { Config } from "../config/config.ts";
import { newId } from "../domain/ids.ts";
import { publicBodyBytesMax } from "../http/body.ts";
import { createRpcHandler } from "../http/rpc-handler.ts";
import { createHttpServer, type HttpServer } from "../http/server.ts";
import { timeoutMsMax } from "../http/timeout.ts";
import type { RedisConnection } from "../redis/connection.ts";
import { leasePoints } from "../redis/leased-limit.ts";
import { createFailureLimits, createRateLimit } from "../redis/rate-limits.ts";
import { ownCounter, primaryCounter } from "../redis/worker-limits.ts";
import { type AuthenticateDeps, createAdmission } from "../rpc/authenticate.ts";
import { createDryRun, onlyPure } from "../rpc/dry-run.ts";
import { healthService } from "../rpc/health.ts";
import { asConnectErrors, createInterceptors } from "../rpc/interceptors.ts";
import { createDryCall, createInvoke } from "../rpc/invoke.ts";
import type { Readiness } from "../rpc/readiness.ts";
import { reflectionServices } from "../rpc/reflection.ts";
import { warmUp } from "../rpc/validate.ts";
import type { DenialLog } from "../runtime/audit-denials.ts";
import type { Deps } from "../runtime/deps.ts";
import { akuaSecretService } from "../surfaces/akua/secret-service.ts";
import { akuaSurface } from "../surfaces/akua/surface.ts";
import { akuaVersionService } from "../surfaces/akua/version-service.ts";
import { accessService } from "../surfaces/coffer/access-service.ts";
import { auditService } from "../surfaces/coffer/audit-service.ts";
import { egressService } from "../surfaces/coffer/egress-service.ts";
import { externalVaultService } from "../surfaces/coffer/external-vault-service.ts";
import { keyService } from "../surfaces/coffer/key-service.ts";
import { secretService } from "../surfaces/coffer/secret-service.ts";
import { tokenService } from "../surfaces/coffer/token-service.ts";
import { workspaceService } from "../surfaces/coffer/workspace-service.ts";
import { dataRavenSecretService } from "../surfaces/dataraven/secret-service.ts";
import { dataRavenSurface } from "../surfaces/dataraven/surface.ts";
import { dataRavenVaultConnectionService } from "../surfaces/dataraven/vault-connection-service.ts";
import type { RestSurface } from "../surfaces/rest-surface.ts";
import { superserveSandboxService } from "../surfaces/superserve/sandbox-service.ts";
import { superserveSecretService } from "../surfaces/superserve/secret-service.ts";
import { superserveSurface } from "../surfaces/superserve/surface.ts";
import { superserveTemplateService } from "../surfaces/superserve/template-service.ts";
import { thalassaKeyService } from "../surfaces/thalassa/key-service.ts";
import { thalassaSecretService } from "../surfaces/thalassa/secret-service.ts";
import { thalassaSurface } from "../surfaces/thalassa/surface.ts";
import type { Logger } from "./log.ts";

const surfaces: readonly RestSurface[] = [akuaSurface, thalassaSurface, dataRavenSurface, superserveSurface];

interface ServedService {
  desc: DescService;
  implementation: ServiceImplSpec;
  register(router: ConnectRouter): void;
}

function served<Desc extends DescService>(desc: Desc, implementation: ServiceImpl<Desc>): ServedService {
  return {
    desc,
    implementation: createServiceImplSpec(desc, implementation),
    register: (router) => router.service(desc, implementation),
  };
}

function createServices(deps: Deps, config: Config) {
  const typed = [
    served(AccessService, accessService(deps)),
    served(AuditService, auditService(deps)),
    served(ExternalVaultService, externalVaultService(deps)),
    served(EgressService, egressService(deps, config.egressUrl)),
    served(KeyService, keyService(deps)),
    served(SecretService, secretService(deps)),
    served(TokenService, tokenService(deps)),
    served(WorkspaceService, workspaceService(deps)),
  ];
  const rest = [
    served(AkuaSecretService, akuaSecretService(deps, config.consoleUrl)),
    served(AkuaVersionService, akuaVersionService(deps)),
    served(DataRavenSecretService, dataRavenSecretService(deps)),
    served(DataRavenVaultConnectionService, dataRavenVaultConnectionService(deps)),
    served(SuperserveSandboxService, superserveSandboxService(deps, config.egressUrl)),
    served(SuperserveTemplateService, superserveTemplateService),
    served(SuperserveSecretService, superserveSecretService(deps)),
    served(ThalassaKeyService, thalassaKeyService(deps)),
    served(ThalassaSecretService, thalassaSecretService(deps)),
  ];
  return { typed, rest };
}

export interface ServerParts {
  config: Config;
  log: Logger;
  deps: Deps;
  denials: DenialLog;
  redis: RedisConnection | undefined;
  readiness: Readiness;
  isWorker: boolean;
  shutdownSignal: AbortSignal;
}

export function createServer(parts: ServerParts): HttpServer {
  const { config, log, deps, denials, redis, readiness, isWorker, shutdownSignal } = parts;
  const { typed, rest } = createServices(deps, config);
  const reflection = reflectionServices(() => rpcServices.map(({ desc }) => desc));
  const anyones = [
    served(Health, healthService({ readiness, serviceNames: new Set(typed.map(({ desc }) => desc.typeName)) })),
    served(ServerReflection, reflection.v1),
    served(ServerReflectionV1Alpha, reflection.v1alpha),
  ];
  const rpcServices = [...typed, ...anyones];
  const publicNames = new Set(anyones.map(({ desc }) => desc.typeName));

  const createCounter = isWorker ? primaryCounter : ownCounter;
  const shared = redis && { redis, prefix: config.redisPrefix };
  const limitOf = (name: string, limit: number) => {
    const charged = createRateLimit(name, limit, shared, createCounter);
    return shared || isWorker ? leasePoints(charged, limit) : charged;
  };
  const workspaceSources = new Map(
    surfaces.flatMap(({ services, workspace }) => services.map((desc) => [desc.typeName, workspace] as const)),
  );
  const isPublic = (name: string) => publicNames.has(name);
  const authenticateDeps: AuthenticateDeps = {
    ...deps,
    failureLimits: createFailureLimits(config.rateLimitUnauthenticated, createCounter),
    isPublic,
    workspaceSourceOf: (name) => workspaceSources.get(name),
  };
  const pure = createServices(onlyPure(deps, ["now", "random", "regions", "deploymentId", "deploymentKeys"]), config);
  const interceptors = createInterceptors({
    ...authenticateDeps,
    dryRun: createDryRun(createDryCall([...pure.typed, ...pure.rest].map(({ implementation }) => implementation))),
    denials,
    log: {
      info: (record) => log.info(record, "call"),
      error: (record, cause) => log.error({ ...record, err: cause }, "call"),
    },
    rateLimits: {
      principal: limitOf("principal", config.rateLimitPrincipal),
      workspace: limitOf("workspace", config.rateLimitWorkspace),
    },
  });

  // Types that answers hold in a google.protobuf.Any: the details of errors.
  const registry = createRegistry(file_google_rpc_error_details);
  warmUp([...typed, ...rest].flatMap(({ desc }) => desc.methods.map(({ input }) => input)));
  const router = createConnectRouter({
    interceptors: [asConnectErrors, ...interceptors],
    // All streams are public.
    readMaxBytes: publicBodyBytesMax,
    acceptCompression: [compressionGzip],
    jsonOptions: { ignoreUnknownFields: false, registry },
    maxTimeoutMs: timeoutMsMax,
    shutdownSignal,
  });
  for (const service of rpcServices) service.register(router);
  const onUnexpectedError = (error: unknown) => log.error({ err: error }, "unexpected");
  return createHttpServer({
    services: rpcServices.map(({ desc }) => desc),
    surfaces,
    invoke: createInvoke(
      [...rpcServices, ...rest].map(({ implementation }) => implementation),
      interceptors,
    ),
    admit: createAdmission(authenticateDeps),
    isPublic,
    rpcHandler: createRpcHandler(router, onUnexpectedError),
    isReady: readiness.isReady,
    registry,
    newRequestId: () => newId("req", deps.now(), deps.random),
    trustedProxies: config.trustedProxies,
    onRefused: (refusal) => log.info(refusal, "refused"),
    onUnexpectedError,
    ...(config.tls ? { tls: config.tls } : {}),
  });
}
