// The help of the command line, and the error of a command line that is not valid.

/** The command ends with exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

export const usage = `usage: coffer [serve [--egress]]
       coffer egress
       coffer workspace list
       coffer workspace create --name NAME [--tier TIER]
       coffer token list [--workspace ID]
       coffer token create --role ROLE [--workspace ID | --every-workspace] [--name NAME] [--scope SCOPE]... [--expires-in TIME]
       coffer token revoke TOKEN_ID
       coffer audit verify [--head FILE]
       coffer audit head
       coffer keyring init
       coffer keyring check
       coffer keyring add
       coffer keyring rotate

serve    serves the API. It is the default command.
egress   serves the egress proxy alone, for a configured database. \`serve --egress\` serves both in one process.
others   administer the deployment from its own machine. They use its database and keyring directly, also while it is served,
         and write its audit trail as the principal prn_system.

--workspace ID      the workspace of the token; optional while there is only one workspace
--every-workspace   the token reaches every workspace that exists now
--role ROLE         the role of the new service principal of the token: member, viewer, operator, admin or owner
--tier TIER         free, pro or enterprise, which limits nothing and is meant unless given
--scope SCOPE       narrows the token to a permission, <group>.* or *; may be repeated
--expires-in TIME   such as 90s, 15m, 12h, 30d or 52w; without it the token does not expire
--head FILE         an earlier output of \`coffer audit head --json\`; fails if the audit trail was rolled back since then
--json              prints JSON instead of a table
--help              prints this

Settings are environment variables, COFFER_*: see docs/configuration.md. Commands take no token and no secret key as an argument. The text
of a new token is printed once, on stdout, and stored nowhere. Exit codes: 0 done, 1 failed, 2 the command line is not valid.`;
