// Makes the first workspace of a deployment and stores the owner's token in a file. The file never holds a token that does not work.
import { existsSync } from "node:fs";
import { open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { CofferError } from "../domain/error/errors.ts";
import { toStartupError } from "../domain/error/startup-error.ts";
import { createDataDir } from "../embedded/data-dir.ts";
import { authenticateToken } from "../operations/tokens/authenticate.ts";
import { bootstrap } from "../operations/workspaces/bootstrap.ts";
import type { Deps } from "../runtime/deps.ts";

export interface FirstWorkspace {
  ownerToken: string;
  ownerTokenFile: string;
}

/**
 * Returns undefined when a workspace exists and its token was stored. The token is written to disk under another name before the commit.
 * Otherwise a crash after the commit would lose it. Under its real name a token of a failed commit would be found.
 */
export async function makeFirstWorkspace(deps: Deps, dataDir: string): Promise<FirstWorkspace | undefined> {
  const ownerTokenFile = join(dataDir, "owner-token");
  const draft = `${ownerTokenFile}.new`;
  const made = await bootstrap(deps, async (token) => {
    await createDataDir(dataDir).catch((error: unknown) => {
      throw toStartupError(`cannot create ${dataDir}`, error);
    });
    await writePrivateFile(draft, `${token}\n`);
  });
  const ownerToken = made ?? (await findUnsettled(deps, draft));
  if (ownerToken === undefined) return undefined;
  await rename(draft, ownerTokenFile);
  return { ownerToken, ownerTokenFile };
}

/** Returns the token of an earlier start that ended before its commit was confirmed. */
async function findUnsettled(deps: Deps, draft: string): Promise<string | undefined> {
  if (!existsSync(draft)) return undefined;
  const token = (await readFile(draft, "utf8")).trim();
  try {
    await authenticateToken(deps, token, { beforeLookup: async () => {}, failed: async () => {} });
    return token;
  } catch (error) {
    if (!(error instanceof CofferError) || error.reason !== "CREDENTIAL_INVALID") throw error;
    await rm(draft);
    return undefined;
  }
}

/** Resolves when the file is on disk, readable by its owner only. */
async function writePrivateFile(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, "w", 0o600);
    try {
      await file.chmod(0o600);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw toStartupError(`cannot write ${path}`, error);
  }
}
