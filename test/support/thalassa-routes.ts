// Every request of Thalassa Cloud's API, with what its documents and coffer's say of each.
import type { Permission } from "../../src/domain/access/permission.ts";
import type { TestCoffer } from "./coffer.ts";
import { createKey, type KeyInit } from "./keys.ts";
import { newName } from "./secrets.ts";
import { base64, createThalassa, newSecretBody, thalassa, thalassaRegion } from "./thalassa.ts";

export interface ThalassaRoute {
  /** The RPC behind it. */
  rpc: string;
  request: `${"GET" | "POST" | "PUT" | "PATCH" | "DELETE"} /v1/${string}`;
  permissions: readonly Permission[];
  success: 200 | 201 | 204;
  /** A valid body, where one is needed. */
  body?: (target: ThalassaTarget) => object;
  /** The suffix of the URL. */
  query?: string;
  /** Whether it changes something. */
  changes?: true;
  /** The state that it is there to change. */
  from?: "disabled" | "pending_deletion";
  /** The key that it is about; one of the default type unless set. */
  key?: KeyInit;
}

const secrets = "/v1/secrets/{region}";
const keys = "/v1/kms/{region}/keys";

export const thalassaRoutes: readonly ThalassaRoute[] = [
  {
    rpc: "CreateSecret",
    request: `POST ${secrets}/secrets`,
    permissions: ["secrets.create"],
    success: 201,
    body: () => newSecretBody(),
    changes: true,
  },
  { rpc: "ListSecrets", request: `GET ${secrets}/secrets`, permissions: ["secrets.list"], success: 200 },
  { rpc: "GetSecret", request: `GET ${secrets}/secret{path}`, permissions: ["secrets.read"], success: 200 },
  {
    rpc: "SetAccessPolicy",
    request: `PUT ${secrets}/secret{path}/policy`,
    permissions: ["secrets.update"],
    success: 200,
    body: () => ({ accessPolicy: { conditions: [{ type: "ip", effect: "allow", cidrs: ["127.0.0.0/8"] }] } }),
    changes: true,
  },
  {
    rpc: "PutSecretValue",
    request: `POST ${secrets}/secret{path}/versions`,
    permissions: ["versions.add"],
    success: 201,
    body: () => ({ secretString: base64("new") }),
    changes: true,
  },
  {
    rpc: "GetSecretValue",
    request: `POST ${secrets}/secret{path}/value`,
    permissions: ["versions.access"],
    success: 200,
  },
  {
    rpc: "DestroySecretVersion",
    request: `DELETE ${secrets}/secret{path}/versions`,
    permissions: ["versions.destroy"],
    success: 204,
    query: "?version=1",
    changes: true,
  },
  {
    rpc: "DeleteSecret",
    request: `DELETE ${secrets}/secret{path}`,
    permissions: ["secrets.delete", "versions.destroy", "secrets.purge"],
    success: 204,
    changes: true,
  },
  {
    rpc: "CreateKey",
    request: `POST ${keys}`,
    permissions: ["keys.create"],
    success: 201,
    body: () => ({ name: newName("key") }),
    changes: true,
  },
  { rpc: "ListKeys", request: `GET ${keys}`, permissions: ["keys.list"], success: 200 },
  { rpc: "GetKey", request: `GET ${keys}/{identity}`, permissions: ["keys.read"], success: 200 },
  {
    rpc: "RotateKey",
    request: `POST ${keys}/{identity}/rotate`,
    permissions: ["keys.rotate"],
    success: 200,
    changes: true,
  },
  {
    rpc: "SetKeyRotation",
    request: `PATCH ${keys}/{identity}/rotation`,
    permissions: ["keys.update"],
    success: 200,
    body: () => ({ keyRotationEnabled: true, rotationPeriodInDays: 90 }),
    changes: true,
  },
  {
    rpc: "DisableKey",
    request: `POST ${keys}/{identity}/disable`,
    permissions: ["keys.disable"],
    success: 200,
    changes: true,
  },
  {
    rpc: "EnableKey",
    request: `POST ${keys}/{identity}/enable`,
    permissions: ["keys.enable"],
    success: 200,
    changes: true,
    from: "disabled",
  },
  {
    rpc: "DeleteKey",
    request: `DELETE ${keys}/{identity}`,
    permissions: ["keys.destroy"],
    success: 200,
    changes: true,
  },
  {
    rpc: "CancelKeyDeletion",
    request: `DELETE ${keys}/{identity}/cancel-deletion`,
    permissions: ["keys.destroy", "keys.enable"],
    success: 200,
    changes: true,
    from: "pending_deletion",
  },
  {
    rpc: "Encrypt",
    request: `POST ${keys}/{identity}/encrypt`,
    permissions: ["keys.encrypt"],
    success: 200,
    body: () => ({ plaintext: base64("p") }),
  },
  {
    rpc: "Decrypt",
    request: `POST ${keys}/{identity}/decrypt`,
    permissions: ["keys.decrypt"],
    success: 200,
    body: ({ ciphertext }) => ({ ciphertext }),
  },
  {
    rpc: "Sign",
    request: `POST ${keys}/{identity}/sign`,
    permissions: ["keys.sign"],
    success: 200,
    body: () => ({ input: base64("m") }),
    key: { algorithm: "ed25519" },
  },
  {
    rpc: "Verify",
    request: `POST ${keys}/{identity}/verify`,
    permissions: ["keys.verify"],
    success: 200,
    body: () => ({ input: base64("m"), signature: base64("s") }),
    key: { algorithm: "ecdsa-p256" },
  },
  {
    rpc: "ComputeHmac",
    request: `POST ${keys}/{identity}/hmac`,
    permissions: ["keys.sign"],
    success: 200,
    body: () => ({ input: base64("m") }),
    key: { algorithm: "hmac" },
  },
  {
    rpc: "VerifyHmac",
    request: `POST ${keys}/{identity}/verify-hmac`,
    permissions: ["keys.verify"],
    success: 200,
    body: () => ({ input: base64("m"), hmac: base64("h") }),
    key: { algorithm: "hmac" },
  },
  {
    rpc: "GetPublicKey",
    request: `GET ${keys}/{identity}/public-key`,
    permissions: ["keys.read"],
    success: 200,
    key: { algorithm: "ed25519" },
  },
  {
    rpc: "ExportKey",
    request: `POST ${keys}/{identity}/export`,
    permissions: ["keys.export"],
    success: 200,
    body: () => ({}),
    key: { exportAllowed: true },
  },
  {
    rpc: "GetWrappingKey",
    request: "GET /v1/kms/{region}/wrapping-key",
    permissions: ["keys.create"],
    success: 200,
  },
  { rpc: "GetSummary", request: "GET /v1/kms/summary", permissions: ["keys.list"], success: 200 },
];

/** The target of a request: a secret of two versions, and a key in the state that the route requires. */
export interface ThalassaTarget {
  path: string;
  identity: string;
  /** By the key, where it can encrypt. */
  ciphertext?: string;
}

export async function thalassaTarget(coffer: TestCoffer, { from, key }: ThalassaRoute): Promise<ThalassaTarget> {
  const { path } = await createThalassa(coffer);
  const { id } = await createKey(coffer, { region: thalassaRegion, ...key });
  await thalassa(coffer, `POST /v1/secrets/${thalassaRegion}/secret${path}/versions`, {
    json: { secretString: base64("v2") },
  });
  const { keys: client } = coffer.clients();
  const target = { path, identity: id };
  if (!from && !key) {
    const { ciphertext } = await client.encrypt({ id, plaintext: Buffer.from("p") });
    return { ...target, ciphertext: Buffer.from(ciphertext).toString("base64") };
  }
  if (from === "disabled") await client.disableKey({ id });
  if (from === "pending_deletion") await client.scheduleKeyDestruction({ id });
  return target;
}

/** The request of a route, about this target, in this region. */
export function requestOf(
  { request, query = "" }: ThalassaRoute,
  { path, identity }: ThalassaTarget,
  region = thalassaRegion,
): string {
  return request.replace("{region}", region).replace("{path}", path).replace("{identity}", identity) + query;
}
