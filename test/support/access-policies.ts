// Fixtures for access policies: conditions, addresses that a trusted proxy names, and the error of a denial.
import { createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AccessEffect } from "../../gen/coffer/v1/access_policy_pb.ts";
import type { SetAccessPolicyRequestSchema } from "../../gen/coffer/v1/access_service_pb.ts";
import type { Secret } from "../../gen/coffer/v1/secret_pb.ts";
import { SecretService } from "../../gen/coffer/v1/secret_service_pb.ts";
import type { TestCoffer } from "./coffer.ts";
import { byId, getSecret, type Init, present } from "./secrets.ts";

type PolicyInit = NonNullable<Init<typeof SetAccessPolicyRequestSchema>["accessPolicy"]>;

/** Settings under which a test says by X-Forwarded-For where it calls from. */
export const believingEnv = { COFFER_TRUSTED_PROXIES: "127.0.0.1" };

export const office = "203.0.113.10";
export const elsewhere = "198.51.100.10";

export const { ALLOW, DENY } = AccessEffect;

export const ipIs = (effect: AccessEffect, ...cidrs: string[]) =>
  ({ effect, condition: { case: "ip", value: { cidrs } } }) as const;

/** `hour` 0 is the one that it is now; a test may run into the next. */
export const hoursFromNow = (effect: AccessEffect, first: number, end: number) => {
  const now = new Date().getUTCHours() + 24;
  const value = { startHour: (now + first) % 24, endHour: (now + end) % 24, timezone: "UTC" };
  return { effect, condition: { case: "time", value } } as const;
};

export const onlyOffice = { conditions: [ipIs(ALLOW, "203.0.113.0/24")] };

/** ACCESS_POLICY_DENIED for this secret by this condition. */
export function deniedBy(id: string, condition: string) {
  return { code: "PermissionDenied", reason: "ACCESS_POLICY_DENIED", metadata: { id, condition }, fields: [] };
}

export async function setPolicy(coffer: TestCoffer, id: string, accessPolicy?: PolicyInit): Promise<Secret> {
  const request = { ...byId(id), ...(accessPolicy ? { accessPolicy } : {}) };
  return present((await coffer.clients().access.setAccessPolicy(request)).secret);
}

/** A client of the owner's that calls from this address. */
export function secretsFrom(coffer: TestCoffer, address: string) {
  const headers: Interceptor = (next) => (req) => {
    req.header.set("authorization", `Bearer ${coffer.ownerToken}`);
    req.header.set("x-forwarded-for", address);
    return next(req);
  };
  return createClient(
    SecretService,
    createConnectTransport({ baseUrl: coffer.url, httpVersion: "1.1", interceptors: [headers] }),
  );
}

/** A statement as Thalassa Cloud's users write it. */
export interface StatementInit {
  effect: string;
  actions?: string[];
  principals?: string[];
}

/** Sets the statements of a secret over Thalassa Cloud's surface, as the owner. */
export async function setStatements(coffer: TestCoffer, id: string, statements: StatementInit[]): Promise<void> {
  const { workspaceId, region, path } = await getSecret(coffer, { id });
  const response = await coffer.fetch(`/v1/secrets/${region}/secret/policy?path=${encodeURIComponent(path)}`, {
    method: "PUT",
    headers: { "x-organisation-identity": workspaceId },
    json: { accessPolicy: { statements } },
  });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
}
