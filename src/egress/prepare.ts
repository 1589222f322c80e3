// Makes a request ready for its host: whoever sends it is judged again, every value is there before any header is changed.
import type { EgressErrorCode } from "../domain/egress/egress-event.ts";
import { requestHeaders } from "../domain/egress/forwarded-headers.ts";
import type { Destination, RequestHead } from "../domain/egress/framing.ts";
import { sentValue } from "../domain/egress/inject.ts";
import { judgeRequest, type Swap } from "../domain/egress/judge-request.ts";
import type { Refusal } from "../domain/egress/refusal.ts";
import type { JudgedSandbox } from "../domain/egress/sandbox.ts";
import { type ScrubForm, scrubForms } from "../domain/egress/scrub-forms.ts";
import { CofferError } from "../domain/error/errors.ts";
import { newId } from "../domain/ids.ts";
import type { ProxyAnswer } from "./answers.ts";
import { enter } from "./enter.ts";
import type { EgressParts } from "./parts.ts";
import type { Meter } from "./usage.ts";

/** Who asks, and for which host: for as long as a tunnel is open. */
export interface Visit extends Destination {
  token: string;
  address: string;
}

export interface Ready {
  sandbox: JudgedSandbox;
  swaps: readonly Swap[];
  /** Names and values in turns, without Host and what says how long the body is. */
  headers: string[];
  forms: readonly ScrubForm[];
  meters: readonly Meter[];
}

export type Prepared = Ready | { sandbox: JudgedSandbox; refusal: Refusal } | { answer: ProxyAnswer };

export async function prepare(parts: EgressParts, visit: Visit, head: RequestHead): Promise<Prepared> {
  const entered = await enter(parts, visit.token, visit.address);
  if ("answer" in entered) return entered;
  const { sandbox, refusal } = entered;
  if (refusal) return { sandbox, refusal };
  const judged = judgeRequest(sandbox, visit, head, parts.isPlaceholder);
  if ("refusal" in judged) return { sandbox, refusal: judged.refusal };
  if ("stranger" in judged) return { sandbox, refusal: await parts.refusalOfStranger(sandbox, judged.stranger) };
  const { swaps } = judged;
  const meters: Meter[] = [];
  for (const { binding, limits } of swaps) {
    const meter = await parts.usage.begin(`${sandbox.sandboxId} ${binding.secretId}`, limits);
    if ("code" in meter) return { sandbox, refusal: { ...meter, secretId: binding.secretId } };
    meters.push(meter);
  }
  const request = { requestId: newId("req", parts.now(), parts.random), address: visit.address };
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
  return { sandbox, swaps, headers: requestHeaders(rawHeaders, swaps.length > 0), forms, meters };
}

/** What the sandbox has no part in is an error of the proxy's. */
function codeOf(parts: EgressParts, error: unknown): { code: Exclude<EgressErrorCode, ""> } {
  if (!(error instanceof CofferError)) parts.onUnexpectedError(error);
  const isGone =
    error instanceof CofferError && (error.reason === "SECRET_NOT_FOUND" || error.reason.startsWith("VERSION_"));
  return { code: isGone ? "credential_revoked" : "inject_error" };
}
