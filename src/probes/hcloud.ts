// Hetzner Cloud: lists one location, which every token may read.
import { invalid, noToken, type Probe, tokenIn, unexpected, valid } from "./probe.ts";

export const probeHcloud: Probe = async ({ baseUrl, send }, parts) => {
  const token = tokenIn(parts);
  if (token === undefined) return noToken;
  const url = new URL(`${baseUrl}/locations?per_page=1`);
  const answer = await send({ method: "GET", url, headers: { authorization: `Bearer ${token}` } });
  if (answer.status === 200) return valid;
  return answer.status === 401 ? invalid("Hetzner Cloud does not accept the token") : unexpected(answer);
};
