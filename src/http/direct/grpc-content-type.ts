// Content types of gRPC and gRPC-Web.

export interface GrpcContentType {
  isWeb: boolean;
  /** Whether the body is in base64, for browsers that cannot read bytes. Only gRPC-Web has this. */
  isText: boolean;
  /** Whether messages are in Protobuf, the only format that is served. */
  isProto: boolean;
}

/** Returns undefined for other content types. */
export function readGrpcContentType(contentType: string | null | undefined): GrpcContentType | undefined {
  if (!contentType) return undefined;
  const match = /^application\/grpc(-web)?(-text)?(\+[^;\s]*)?(?:\s*;.*)?$/i.exec(contentType);
  if (match === null) return undefined;
  const [, web, text, format] = match;
  const isWeb = web !== undefined;
  const isProto = (format === undefined || format.toLowerCase() === "+proto") && (isWeb || text === undefined);
  return { isWeb, isText: text !== undefined, isProto };
}

/** Returns the content type of an answer. */
export function grpcContentType({ isWeb, isText }: Pick<GrpcContentType, "isWeb" | "isText">): string {
  return `application/grpc${isWeb ? "-web" : ""}${isText ? "-text" : ""}+proto`;
}
