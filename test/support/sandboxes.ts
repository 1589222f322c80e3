// Fixtures for EgressService: its client, sandboxes, bindings, and the proxy's view of a token.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CreateSandboxRequestSchema } from "../../gen/coffer/v1/egress_service_pb.ts";
import { authenticateSandbox } from "../../src/operations/egress/authenticate-sandbox.ts";
import { findSandboxRecord } from "../../src/store/sandbox-bindings.ts";
import type { TestCoffer } from "./coffer.ts";
import { byId, present } from "./secrets.ts";

export const sandboxNotFound = { code: "NotFound", reason: "SANDBOX_NOT_FOUND", metadata: {} };

/** An id of the right form that nothing has. */
export const unknownSandbox = "sbx_01jzzzzzzzzzzzzzzzzzzzzzzz";

export function sandboxCalls(coffer: TestCoffer) {
  const egress = (token?: string) => coffer.clients(token).egress;
  return {
    egress,
    async createSandbox(init: Omit<MessageInitShape<typeof CreateSandboxRequestSchema>, "$typeName"> = {}) {
      const { sandbox, ...others } = await egress().createSandbox({ name: "a test's", ...init });
      return { ...present(sandbox), ...others };
    },
    async bind(sandboxId: string, envKey: string, secretId: string, token?: string) {
      return present((await egress(token).bindSecret({ sandboxId, envKey, ...byId(secretId) })).binding);
    },
    /** Returns the sandbox that the proxy finds for a token now. */
    authenticated(token: string, address = "192.0.2.1") {
      const sandboxRecords = {
        get: (id: string) => findSandboxRecord(coffer.deps.database, id),
        knows: () => true,
        clear: () => {},
      };
      return authenticateSandbox({ ...coffer.deps, sandboxRecords }, token, address);
    },
  };
}
