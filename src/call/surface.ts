// A surface: one wire API as a value. The server, the documents and the tests read the same ones.
import type { DescService } from "@bufbuild/protobuf";
import { createServiceImplSpec, type ServiceImpl, type ServiceImplSpec } from "@connectrpc/connect";
import type { CofferError } from "../domain/error/errors.ts";
import type { Deps } from "../runtime/deps.ts";
import type { AdmittedCall, Answer, HttpCall, RequestHead, StreamedAnswer } from "./http-call.ts";
import type { Invoke } from "./invoke.ts";

/** The settings that surfaces show to callers. */
export interface SurfaceSettings {
  /** The address of the egress proxy; undefined: not known. */
  egressUrl: string | undefined;
  /** The address of the console; undefined: not known. */
  consoleUrl: string | undefined;
}

/** A service and its methods over coffer's operations. */
export interface ServedService {
  desc: DescService;
  implement(deps: Deps, settings: SurfaceSettings): ServiceImplSpec;
}

export function servedService<Desc extends DescService>(
  desc: Desc,
  implement: (deps: Deps, settings: SurfaceSettings) => ServiceImpl<Desc>,
): ServedService {
  return { desc, implement: (deps, settings) => createServiceImplSpec(desc, implement(deps, settings)) };
}

/** The facts about a wire API that do not depend on its protocol. */
export interface WireApi {
  name: string;
  /** The services that only this API has. */
  services: readonly ServedService[];
  /** The headers that may carry the credential. A request may have only one of them, once. In lower case. */
  credentialHeaders: readonly string[];
  /** Other headers that a request may have only once. In lower case. */
  singleHeaders: readonly string[];
  /** Returns the credential of a request; empty if it is malformed, undefined if there is none. */
  credential(head: RequestHead): string | undefined;
  /** Returns the id of the workspace that the headers name; undefined if they name none. Fails with FIELD_INVALID. */
  workspace?(headers: Headers): string | undefined;
  /** Returns the id of a workspace that a field of a request names in the way of this API. Returns other texts unchanged. */
  toWorkspaceId?(text: string): string;
}

/** The server, as a surface uses it. */
export interface CallServer {
  /** Checks the credential of a call, before its body is read. Fails with CREDENTIAL_… or RATE_LIMITED. */
  admit(surface: WireApi, call: HttpCall): AdmittedCall | Promise<AdmittedCall>;
  /** Reads the body, of at most `sizeBytesMax` and of the server's own limit. Fails with REQUEST_TOO_LARGE and others. */
  readBody(call: AdmittedCall, sizeBytesMax?: number): Promise<Uint8Array>;
  /** Calls a method of any surface's services: the caller is the one that was admitted. */
  invoke: Invoke;
}

export interface Surface extends WireApi {
  /** Returns whether the request is one of this surface, also if it is a wrong one. The server asks the surfaces in their order. */
  owns(head: RequestHead): boolean;
  /** Answers a request that it owns. Throws CofferError, or an unexpected error. */
  answer(call: HttpCall, server: CallServer): Promise<Answer | StreamedAnswer>;
  renderError(error: CofferError, head: RequestHead): Answer;
}
