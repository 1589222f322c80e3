// Adds the password from its own file to a database URL.

/** The password is a parameter of the URL, because the driver prefers the URL to other options, even if it has no password. */
export function withPassword(connectionString: string, password: string | undefined): string {
  if (password === undefined) return connectionString;
  return `${connectionString}${connectionString.includes("?") ? "&" : "?"}password=${encodeURIComponent(password)}`;
}
