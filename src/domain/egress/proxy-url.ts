// The address of the egress proxy as programs take it: with a sandbox's token as the password.

/** Returns an empty text if the address or the token is not known. */
export function proxyUrl(egressUrl: string | undefined, token: string): string {
  if (egressUrl === undefined || token === "") return "";
  const url = new URL(egressUrl);
  url.username = "sandbox";
  url.password = token;
  return url.href;
}
