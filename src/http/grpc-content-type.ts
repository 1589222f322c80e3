// What a gRPC content type says.

export interface GrpcContentType {
  isWeb: boolean;
  /** In base64, for browsers that cannot read bytes. */
  isText: boolean;
  isJson: boolean;
}

/** Undefined when it is none of gRPC or gRPC-Web. */
export function readGrpcContentType(contentType: string | undefined): GrpcContentType | undefined {
  if (contentType === undefined) return undefined;
  const match = /^application\/grpc(-web)?(-text)?(?:\+([\w-]+))?(?:\s*;.*)?$/i.exec(contentType);
  if (match === null) return undefined;
  const [, web, text, encoding] = match;
  return { isWeb: web !== undefined, isText: text !== undefined, isJson: encoding?.toLowerCase() === "json" };
}
