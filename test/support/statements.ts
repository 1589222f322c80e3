// Secrets with statements of access policies, and calls of those whom the statements are about.
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { type Member, newMember } from "./access.ts";
import { deniedBy, type StatementInit, setStatements } from "./access-policies.ts";
import type { TestCoffer } from "./coffer.ts";
import { createSecret, newName } from "./secrets.ts";
import { organisationOf, thalassa } from "./thalassa.ts";

/** A statement that denies; without actions everything, without members everybody. */
export const deny = (actions: string[] | undefined, ...members: Member[]): StatementInit => ({
  effect: "Deny",
  ...(actions ? { actions } : {}),
  ...(members.length > 0 ? { principals: members.map(({ principalId }) => principalId) } : {}),
});

export const policyError = (id: string, statement = 0) => deniedBy(id, `statements[${statement}]`);

export function statementCalls(coffer: TestCoffer) {
  return {
    operator: () => newMember(coffer, [], Role.OPERATOR),
    owner: () => ({ token: coffer.ownerToken }),

    /** A secret with these statements. */
    async secretWith(statements: StatementInit[], path = `/app/${newName()}`) {
      const secret = await createSecret(coffer, { name: path, region: "nl-01" });
      await setStatements(coffer, secret.id, statements);
      return { id: secret.id, path };
    },

    async send<T = { message: string }>({ token }: { token: string }, request: string, json?: object) {
      const headers = { "x-organisation-identity": await organisationOf(coffer) };
      return thalassa<T>(coffer, request, { token, headers, ...(json ? { json } : {}) });
    },
  };
}
