// Backblaze B2: b2_authorize_account, which changes nothing. The token in the answer is discarded.
import { invalid, objectIn, type Probe, textIn, unexpected, valid } from "./probe.ts";

export const probeB2: Probe = async ({ baseUrl, send }, parts) => {
  const credential = `${parts.get("application_key_id") ?? ""}:${parts.get("application_key") ?? ""}`;
  const headers = { authorization: `Basic ${Buffer.from(credential).toString("base64")}` };
  const url = new URL(`${baseUrl}/b2api/v3/b2_authorize_account`);
  const answer = await send({ method: "GET", url, headers });
  if (answer.status === 200) return valid;
  const code = textIn(objectIn(answer.body), "code") ?? "";
  const isRefused = answer.status === 401 && ["unauthorized", "bad_auth_token"].includes(code);
  return isRefused ? invalid("B2 does not accept the application key") : unexpected(answer);
};
