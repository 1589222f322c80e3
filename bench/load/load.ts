// The input and output of a load generator.

/** Stands in a request where a key of the same length goes: no header has to count anew. */
export const keyMarker = "@".repeat(30);

/** One kind of request; those of a run add up to 100 per cent. */
export interface HttpSource {
  percent: number;
  /** The replacement of the marker: a seeded id, always the same one, or a new name. */
  key: "id" | "hot" | "name" | "none";
  /** The whole HTTP/1.1 request. */
  text: string | Buffer;
}

/** One call over HTTP/2, repeated as it is. */
export interface GrpcCall {
  path: string;
  token: string;
  /** With its frame's header. */
  body: Buffer;
  /** The content of the frames of a successful answer. A failed call is an HTTP success without them. */
  answerSizeBytes: number;
}

export interface LoadRun {
  port: number;
  concurrency: number;
  seconds: number;
  idsFile: string;
  hotId: string;
  /** For files of the run. */
  dir: string;
}

export interface Load {
  requests: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
}
