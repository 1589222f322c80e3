// The tour of the README, in TypeScript: `npx node docs/tour.ts` while coffer is running.
import { readFileSync } from "node:fs";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { SecretService } from "../gen/coffer/v1/secret_service_pb.ts";

const baseUrl = process.env["URL"] ?? "http://127.0.0.1:8080";
const token = process.env["TOKEN"] ?? readFileSync(".coffer/owner-token", "utf8").trim();

const secrets = createClient(
  SecretService,
  createGrpcTransport({
    baseUrl,
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", `Bearer ${token}`);
        return next(request);
      },
    ],
  }),
);

const name = "app/queue";
const { secret } = await secrets.createSecret(
  { name, value: { case: "data", value: new TextEncoder().encode("hunter2") } },
  // With a key the call may be repeated until it answers: it makes one secret.
  { headers: { "idempotency-key": crypto.randomUUID() } },
);
const id = secret?.id ?? "";

const { value } = await secrets.getSecretValue({ secret: { case: "name", value: name } });
console.log(value.case === "data" && new TextDecoder().decode(value.value));

const byId = { secret: { case: "id", value: id } } as const;
await secrets.addSecretVersion({ ...byId, value: { case: "generate", value: { byteLength: 32 } } });
await secrets.disableSecretVersion({ ...byId, version: "1" });
await secrets.deleteSecret({ ...byId });
await secrets.undeleteSecret({ id });
console.log((await secrets.getSecret({ ...byId })).secret?.state);
