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

serve    serves the API, and is what coffer does when it is not told otherwise.
egress   serves the egress proxy alone, for a configured database; with \`serve --egress\` one process serves both.
others   administer the deployment from its own machine: they use its database and its keyring directly, whether it is being
         served or not, and write its audit trail as the principal prn_system.

--workspace ID      where the token reaches; may be left out while there is only one workspace
--every-workspace   the token reaches every workspace that there is now
--role ROLE         member, viewer, operator, admin or owner, of the service principal that is made for the token
--tier TIER         free, pro or enterprise, which limits nothing and is meant unless given
--scope SCOPE       a permission, <group>.* or *, to which the token is narrowed; may be given several times
--expires-in TIME   such as 90s, 15m, 12h, 30d or 52w; never unless given
--head FILE         an earlier output of \`coffer audit head --json\`: fails if the audit trail was rolled back since
--json              prints JSON instead of a table
--help              prints this

Settings are environment variables, COFFER_*: see docs/configuration.md. A token or a secret key never stands on the command line; the text
of a new token is printed once, on stdout, and kept nowhere. Exit codes: 0 done, 1 failed, 2 the command line is wrong.`;
