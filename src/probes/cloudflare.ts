// Cloudflare: the request that verifies a user's token.
import { invalid, noToken, objectIn, type Probe, textIn, tokenIn, unexpected, untriable, valid } from "./probe.ts";

export const probeCloudflare: Probe = async ({ baseUrl, send }, parts) => {
  const token = tokenIn(parts);
  if (token === undefined) return noToken;
  // Account tokens are verified below their account, whose id is not in the token.
  if (token.startsWith("cfat_")) return untriable("tokens that an account owns are not tried");
  const url = new URL(`${baseUrl}/user/tokens/verify`);
  const answer = await send({ method: "GET", url, headers: { authorization: `Bearer ${token}` } });
  const { success, result } = objectIn(answer.body);
  if (answer.status === 200 && success === true) {
    const status = textIn((result ?? {}) as Record<string, unknown>, "status");
    return status === "active" ? valid : invalid("the token is not active at Cloudflare");
  }
  const isRefused = [400, 401, 403].includes(answer.status) && success === false;
  return isRefused ? invalid("Cloudflare does not accept the token") : unexpected(answer);
};
