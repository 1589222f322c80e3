// Writes the documents that are tables of the code: docs/errors.md.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Reason, reasons } from "../src/domain/error/error-reasons.ts";
import { CofferError } from "../src/domain/error/errors.ts";
import { connectStatusOf, httpStatusOf } from "../src/rpc/errors.ts";
import { akuaCodes, renderAkuaError } from "../src/surfaces/akua/errors.ts";

export const errorsPath = join(import.meta.dirname, "../docs/errors.md");

/** docs/errors.md: every reason, as each API shows it. */
export function errorsDocument(): string {
  const rows = (Object.keys(reasons) as Reason[]).map((reason) => {
    const error = new CofferError(reason, "");
    const httpStatus = httpStatusOf(error);
    const akua = renderAkuaError(error, httpStatus);
    const statuses = [connectStatusOf(error), httpStatus, akua.httpStatus];
    const cells = [`\`${reason}\``, reasons[reason].code, ...statuses, akuaCodes[reason]];
    return `| ${cells.join(" | ")} | ${reasons[reason].when} |`;
  });
  return `# Errors

Every error of \`coffer.v1\` carries exactly one \`google.rpc.ErrorInfo\` with \`domain\` \`coffer\`, one of these reasons, and every
variable of the message in \`metadata\`; and where they help \`BadRequest\` with all broken fields at once, \`RetryInfo\` (in HTTP
also \`Retry-After\`), \`QuotaFailure\` and \`ResourceInfo\`. Programs should look at the reason, never at the message.

Fields are spelled as the caller spelled them: \`kmsKeyId\` to who sent JSON with \`kmsKeyId\`, \`kms_key_id\` to all others.

The Akua surface answers \`{"success": false, "errors": [{"code", "message", "path"?, "metadata"}], "result": {}}\`: the code is the
number below, \`metadata.reason\` the reason (\`ABORTED\` for \`ETAG_MISMATCH\`, \`ALREADY_EXISTS\` for \`NAME_TAKEN\` and
\`SECRET_ACTIVE\`), \`path\` the field or header.

| reason | code | Connect: HTTP | REST: HTTP | Akua: HTTP | Akua: code | when |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}

if (import.meta.main) writeFileSync(errorsPath, errorsDocument());
