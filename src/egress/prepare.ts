// Prepares a request for its host: admits the sandbox, checks the request and puts the values into the headers.

import { checkRequest } from "../domain/egress/check-request.ts";
import { requestHeaders } from "../domain/egress/forwarded-headers.ts";
import type { RequestHead } from "../domain/egress/framing.ts";
import { sentValue } from "../domain/egress/inject.ts";
import type { Refusal, RefusalCode } from "../domain/egress/refusal.ts";
import type { EgressSandbox } from "../domain/egress/sandbox.ts";
import { type ScrubForm, scrubForms } from "../domain/egress/scrub-forms.ts";
import { CofferError } from "../domain/error/errors.ts";
import { newId } from "../domain/ids.ts";
import type { RandomPort, TimePort } from "../ports.ts";
import type { ProxyAnswer } from "./answers.ts";
import type { ClientRoute } from "./client.ts";
import { type EnterParts, enter } from "./enter.ts";
import type { Meter, Usage } from "./usage.ts";
import type { Values } from "./values.ts";

export interface PrepareParts extends EnterParts, TimePort, RandomPort {
  values: Values;
  /** The limits of a sandbox with a secret. */
  usage: Usage;
  /** Whether a text is a placeholder of any sandbox. */
  isPlaceholder(text: string): boolean;
  /** Why a request with a placeholder that the sandbox does not hold is refused. */
  refusalOfForeignPlaceholder(sandbox: EgressSandbox, placeholder: string): Promise<Refusal>;
  onUnexpectedError(error: unknown): void;
}

export interface PreparedRequest {
  sandbox: EgressSandbox;
  /** The secrets whose values are in the headers. */
  secretIds: readonly string[];
  /** Names and values in turn, without Host and without the length of the body. */
  headers: string[];
  /** The forms in which a value could come back in the answer. */
  forms: readonly ScrubForm[];
  meters: readonly Meter[];
}

/** Loads all values before it changes a header. */
export async function prepare(
  parts: PrepareParts,
  route: ClientRoute,
  head: RequestHead,
): Promise<PreparedRequest | { sandbox: EgressSandbox; refusal: Refusal } | { answer: ProxyAnswer }> {
  const entered = await enter(parts, route.token, route.address);
  if ("answer" in entered) return entered;
  const { sandbox, refusal } = entered;
  if (refusal) return { sandbox, refusal };
  const checked = checkRequest(sandbox, route, head, parts.isPlaceholder);
  if ("refusal" in checked) return { sandbox, refusal: checked.refusal };
  if ("foreignPlaceholder" in checked) {
    return { sandbox, refusal: await parts.refusalOfForeignPlaceholder(sandbox, checked.foreignPlaceholder) };
  }
  const { swaps } = checked;
  const meters: Meter[] = [];
  for (const { binding, limits } of swaps) {
    const meter = await parts.usage.begin(`${sandbox.sandboxId} ${binding.secretId}`, limits);
    if ("code" in meter) return { sandbox, refusal: { ...meter, secretId: binding.secretId } };
    meters.push(meter);
  }
  const request = { requestId: newId("req", parts.now(), parts.random), address: route.address };
  const values = await Promise.all(
    swaps.map(async ({ binding }) => {
      try {
        return await parts.values.get(sandbox, binding, request);
      } catch (error) {
        return codeOf(parts, error);
      }
    }),
  );
  const rawHeaders = [...head.rawHeaders];
  const forms: ScrubForm[] = [];
  for (const [i, { binding, places }] of swaps.entries()) {
    const { secretId, placeholder } = binding;
    const opened = values[i] ?? { code: "inject_error" };
    if (typeof opened !== "string") return { sandbox, refusal: { ...opened, secretId } };
    const value = sentValue(opened);
    if (!places.every(({ slot }) => slot.fits(value))) return { sandbox, refusal: { code: "inject_error", secretId } };
    const written = places.map(({ index, slot }) => {
      const given = rawHeaders[index] ?? "";
      const sent = slot.write(value, given);
      rawHeaders[index] = sent;
      return { sent, given };
    });
    forms.push(...scrubForms(value, placeholder, written));
  }
  forms.sort((a, b) => b.find.length - a.find.length);
  const secretIds = swaps.map(({ binding }) => binding.secretId);
  return { sandbox, secretIds, headers: requestHeaders(rawHeaders, swaps.length > 0), forms, meters };
}

/** Reports errors that neither the sandbox nor the secret has caused. */
function codeOf(parts: PrepareParts, error: unknown): { code: RefusalCode } {
  if (!(error instanceof CofferError)) parts.onUnexpectedError(error);
  const isGone =
    error instanceof CofferError && (error.reason === "SECRET_NOT_FOUND" || error.reason.startsWith("VERSION_"));
  return { code: isGone ? "credential_revoked" : "inject_error" };
}
