// grpc.reflection v1 and v1alpha: clients such as `buf curl` and grpcurl learn the schema from the server.
import { createRegistry, type DescFile, type DescService, type Registry, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import type { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import type { ServerReflection as ServerReflectionV1Alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { streamLifetimeMs, untilLifetime } from "./public-streams.ts";

/** Both versions have the same messages under other names, so one implementation serves both. */
export function reflectionServices(
  services: readonly DescService[],
  lifetimeMs = streamLifetimeMs,
): {
  v1: ServiceImpl<typeof ServerReflection>;
  v1alpha: ServiceImpl<typeof ServerReflectionV1Alpha>;
} {
  const answer = createAnswer(services);
  return {
    v1: {
      async *serverReflectionInfo(requests) {
        for await (const request of untilLifetime(requests, lifetimeMs)) {
          yield { validHost: request.host, originalRequest: request, messageResponse: answer(request.messageRequest) };
        }
      },
    },
    v1alpha: {
      async *serverReflectionInfo(requests) {
        for await (const request of untilLifetime(requests, lifetimeMs)) {
          yield { validHost: request.host, originalRequest: request, messageResponse: answer(request.messageRequest) };
        }
      },
    },
  };
}

type Question =
  | { case: "fileByFilename" | "fileContainingSymbol" | "allExtensionNumbersOfType" | "listServices"; value: string }
  | { case: "fileContainingExtension"; value: { containingType: string; extensionNumber: number } }
  | { case: undefined; value?: undefined };

function createAnswer(services: readonly DescService[]) {
  const files = withDependencies(services.map(({ file }) => file));
  const types = createRegistry(...files.values());

  return (question: Question) => {
    switch (question.case) {
      case "listServices":
        return {
          case: "listServicesResponse" as const,
          value: { service: services.map(({ typeName }) => ({ name: typeName })) },
        };
      case "fileByFilename":
        return filesAnswer(files.get(question.value.replace(/\.proto$/, "")));
      case "fileContainingSymbol":
        return filesAnswer(fileOfSymbol(types, question.value));
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = question.value;
        const extendee = types.getMessage(containingType);
        return filesAnswer(extendee && types.getExtensionFor(extendee, extensionNumber)?.file);
      }
      case "allExtensionNumbersOfType": {
        const numbers = [...types].flatMap((desc) =>
          desc.kind === "extension" && desc.extendee.typeName === question.value ? [desc.number] : [],
        );
        return {
          case: "allExtensionNumbersResponse" as const,
          value: { baseTypeName: question.value, extensionNumber: numbers },
        };
      }
      default:
        return notFound("the request is not known");
    }
  };
}

/** Returns the file with all files that it imports, so that a client need not request each one. */
function filesAnswer(file: DescFile | undefined) {
  if (!file) return notFound("the file or symbol is not found");
  return {
    case: "fileDescriptorResponse" as const,
    value: {
      fileDescriptorProto: [...withDependencies([file]).values()].map(({ proto }) =>
        toBinary(FileDescriptorProtoSchema, proto),
      ),
    },
  };
}

function notFound(errorMessage: string) {
  return { case: "errorResponse" as const, value: { errorCode: Code.NotFound, errorMessage } };
}

/** Returns files by their names without `.proto`. A file comes before those that it imports. */
function withDependencies(roots: readonly DescFile[]): Map<string, DescFile> {
  const found = new Map<string, DescFile>();
  const visit = (file: DescFile) => {
    if (found.has(file.name)) return;
    found.set(file.name, file);
    file.dependencies.forEach(visit);
  };
  roots.forEach(visit);
  return found;
}

/** Finds types, services and their members, such as `coffer.v1.SecretService.CreateSecret`. */
function fileOfSymbol(registry: Registry, symbol: string): DescFile | undefined {
  const owner = symbol.slice(0, Math.max(0, symbol.lastIndexOf(".")));
  return (registry.get(symbol) ?? registry.get(owner))?.file;
}
