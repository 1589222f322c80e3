// The RPC methods by their paths, `/package.Service/Method`.
import type { DescMethod, DescMethodUnary, DescService } from "@bufbuild/protobuf";

export function rpcMethodsByPath(services: readonly DescService[]): ReadonlyMap<string, DescMethod> {
  return new Map(
    services.flatMap((service) =>
      service.methods.map((method) => [`/${service.typeName}/${method.name}`, method] as const),
    ),
  );
}

/** Whether a path has the form of an RPC's, known or not. */
export function looksLikeRpc(path: string): boolean {
  return /^\/[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\/[A-Za-z_]\w*$/.test(path);
}

export function isUnary(method: DescMethod): method is DescMethod & DescMethodUnary {
  return method.methodKind === "unary";
}
