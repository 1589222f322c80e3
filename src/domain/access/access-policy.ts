// An access policy: from where and when the values of a secret may be read and written, and who may do what with it.
import { CofferError } from "../error/errors.ts";

export type AccessEffect = "allow" | "deny";

export interface IpCondition {
  type: "ip";
  effect: AccessEffect;
  /** In normal form. */
  cidrs: readonly string[];
}

/** From the beginning of startHour to the beginning of endHour; of the next day when endHour is smaller. */
export interface TimeCondition {
  type: "time";
  effect: AccessEffect;
  startHour: number;
  endHour: number;
  /** An IANA name. */
  timezone: string;
}

export type AccessCondition = IpCondition | TimeCondition;

/** A statement exactly as the caller wrote it. */
export interface AccessStatement {
  /** `allow` or `deny`, in any case. */
  effect: string;
  /** None or undefined: an Allow gives nothing, a Deny takes everything. */
  actions: readonly string[] | undefined;
  /** None or undefined: an Allow is for nobody, a Deny for everybody. */
  principals: readonly string[] | undefined;
}

/** A statement with the ids of its principals, resolved when the policy was set. */
export interface BoundStatement extends AccessStatement {
  principalIds: readonly string[];
}

/** Has at least one condition or statement. A missing policy is `undefined`, never an empty one. */
export interface AccessPolicy {
  conditions: readonly AccessCondition[];
  /** None when undefined. */
  statements?: readonly BoundStatement[] | undefined;
}

/** Returns a policy; undefined when there is neither a condition nor a statement. */
export function policyWith(
  conditions: readonly AccessCondition[],
  statements: readonly BoundStatement[],
): AccessPolicy | undefined {
  if (statements.length > 0) return { conditions, statements };
  return conditions.length > 0 ? { conditions } : undefined;
}

/** Returns the text that is stored and that the MAC covers. Equal policies have equal texts. */
export function policyText({ conditions, statements = [] }: AccessPolicy): string {
  // Without statements, the text must equal the one that earlier versions wrote, because their MACs stay valid.
  const ordered = statements.length === 0 ? {} : { statements: statements.map(statementInOrder) };
  return JSON.stringify({ conditions: conditions.map(inOrder), ...ordered });
}

/** Returns undefined for no text. Fails with VALUE_CORRUPT for a text that `policyText` did not write. */
export function readPolicyText(text: string | null | undefined): AccessPolicy | undefined {
  if (text === null || text === undefined) return undefined;
  try {
    const policy = JSON.parse(text) as AccessPolicy;
    if (policyText(policy) === text) return policy;
  } catch {
    // The text is not JSON or not a policy: fail below.
  }
  throw new CofferError("VALUE_CORRUPT", "a stored row does not authenticate", { record: "secret" });
}

/** Returns ACCESS_POLICY_DENIED for a statement. */
export function statementDenies(secretId: string, index: number): CofferError {
  const condition = `statements[${index}]`;
  return new CofferError("ACCESS_POLICY_DENIED", `the access policy of the secret: ${condition} denies it`, {
    id: secretId,
    condition,
  });
}

/** Returns ACCESS_POLICY_DENIED; `condition` is the index of the condition that denies, undefined when none allows. */
export function accessPolicyDenied(secretId: string, condition: number | undefined): CofferError {
  const name = condition === undefined ? "none" : `conditions[${condition}]`;
  const why = condition === undefined ? "none of its conditions allows it" : `${name} denies it`;
  return new CofferError("ACCESS_POLICY_DENIED", `the access policy of the secret: ${why}`, {
    id: secretId,
    condition: name,
  });
}

function inOrder(condition: AccessCondition): AccessCondition {
  const { type, effect } = condition;
  if (type === "ip") return { type, effect, cidrs: [...condition.cidrs] };
  const { startHour, endHour, timezone } = condition;
  return { type, effect, startHour, endHour, timezone };
}

function statementInOrder({ effect, actions, principals, principalIds }: BoundStatement): BoundStatement {
  return { effect, actions, principals, principalIds };
}
