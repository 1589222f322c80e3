// Adds the password from its own file to a database URL.

/** As a parameter: what a URL says of a password, also nothing, goes before what the driver is told beside it. */
export function withPassword(connectionString: string, password: string | undefined): string {
  if (password === undefined) return connectionString;
  return `${connectionString}${connectionString.includes("?") ? "&" : "?"}password=${encodeURIComponent(password)}`;
}
