// Writes the documents that are tables of the code: docs/errors.md.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectStatusOf, httpStatusOf } from "../src/call/errors.ts";
import { type Reason, reasons } from "../src/domain/error/error-reasons.ts";
import { CofferError } from "../src/domain/error/errors.ts";
import { akuaCodes } from "../src/surfaces/akua/errors.ts";
import { restApis } from "../src/surfaces/surfaces.ts";

export const errorsPath = join(import.meta.dirname, "../docs/errors.md");

/** docs/errors.md: every reason, as each API shows it. */
export function errorsDocument(): string {
  const rows = (Object.keys(reasons) as Reason[]).map((reason) => {
    const error = new CofferError(reason, "");
    const httpStatus = httpStatusOf(error);
    const statuses = [connectStatusOf(error), ...restApis.map((api) => api.showError(error, httpStatus).httpStatus)];
    const cells = [`\`${reason}\``, reasons[reason].code, ...statuses, akuaCodes[reason]];
    return `| ${cells.join(" | ")} | ${reasons[reason].when} |`;
  });
  const columns = ["Connect", ...restApis.map(({ name }) => name)].map((name) => `${name}: HTTP`);
  const head = ["reason", "code", ...columns, "akua: code", "when"];
  return `# Errors

Every error of \`coffer.v1\` carries exactly one \`google.rpc.ErrorInfo\` with \`domain\` \`coffer\`, one of these reasons, and every
variable of the message in \`metadata\`. Some errors have more details: \`BadRequest\` with all broken fields at once, \`RetryInfo\` (in HTTP
also \`Retry-After\`), \`QuotaFailure\` and \`ResourceInfo\`. Programs should look at the reason, never at the message.

Fields are spelled as the caller spelled them: \`kmsKeyId\` for a caller that sent JSON with \`kmsKeyId\`, \`kms_key_id\` for all others.

The Akua surface answers \`{"success": false, "errors": [{"code", "message", "path"?, "metadata"}], "result": {}}\`: the code is the
number below, \`metadata.reason\` the reason (\`ABORTED\` for \`ETAG_MISMATCH\`, \`ALREADY_EXISTS\` for \`NAME_TAKEN\` and
\`SECRET_ACTIVE\`), \`path\` the field or header.

| ${head.join(" | ")} |
|${" --- |".repeat(head.length)}
${rows.join("\n")}
`;
}

if (import.meta.main) writeFileSync(errorsPath, errorsDocument());
