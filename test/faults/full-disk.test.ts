// A full disk below the database: changes are UNAVAILABLE and coffer is not ready, until there is room again.
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { nobody } from "../embedded/harness.ts";
import { startCoffer } from "../support/coffer.ts";
import { errorOf } from "../support/errors.ts";
import { withDatabase } from "../support/global-setup.ts";
import { until } from "../support/poll.ts";
import { makeRunDir } from "../support/run-dir.ts";
import { createSecret, readText } from "../support/secrets.ts";

const canMount = mayMount();
if (!canMount)
  console.warn("skipped: no small file system can be mounted below the server, which only root may do here");

function mayMount(): boolean {
  // A server that the run did not start may be on another machine.
  if (process.getuid?.() !== 0 || process.env["COFFER_TEST_DATABASE_URL"]) return false;
  try {
    execFileSync("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!canMount)("a full disk", () => {
  it("is 503 for changes and for /readyz within a second, and both heal when there is room again", async () => {
    const runDir = await makeRunDir("disk", () => []);
    chmodSync(runDir.path, 0o755);
    const disk = join(runDir.path, "disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=48m,mode=0777", "tmpfs", disk]);
    const place = join(disk, "place");
    mkdirSync(place, { mode: 0o777 });
    // The account that the server runs as when root starts it.
    chownSync(place, nobody.uid, nobody.gid);
    const asAdmin = async (text: string, url = inject("postgresUrl")) => {
      const client = new Client(url);
      await client.connect();
      try {
        await client.query(text);
      } finally {
        await client.end();
      }
    };
    const tablespace = `small_${process.pid}`;
    await asAdmin(`create tablespace ${tablespace} location '${place}'`);
    const coffer = await startCoffer({
      async through(url) {
        const name = new Client(url).database ?? "";
        await asAdmin(`alter database ${name} set tablespace ${tablespace}`, withDatabase(url, "postgres"));
        return url;
      },
    });
    onTestFinished(async () => {
      await coffer.close();
      await asAdmin(`drop tablespace ${tablespace}`);
      execFileSync("umount", [disk]);
      runDir.remove();
    });
    const secret = await createSecret(coffer);
    const readiness = async () => (await coffer.fetch("/readyz")).status;
    expect(await readiness()).toBe(200);

    const filler = join(disk, "filler");
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(filler, Buffer.alloc(bavail * bsize));
    await until("it is not ready", async () => (await readiness()) === 503, 2_000);
    const start = performance.now();
    expect(await readiness()).toBe(503);
    expect(performance.now() - start).toBeLessThan(1_000);
    // Writes that fit into existing pages succeed.
    let failure: unknown;
    const annotations = { filler: "x".repeat(4_000) };
    for (let tries = 0; tries < 200 && !failure; tries++) {
      const call = createSecret(coffer, { annotations });
      failure = await call.then(
        () => undefined,
        () => errorOf(call),
      );
    }
    expect(failure).toMatchObject({ code: "Unavailable", reason: "DEPENDENCY_UNAVAILABLE" });

    rmSync(filler);
    await until(
      "it creates",
      () =>
        createSecret(coffer).then(
          () => true,
          () => false,
        ),
      2_000,
    );
    await until("it is ready", async () => (await readiness()) === 200, 2_000);
    expect(await readText(coffer, secret)).toBe("v1");
  });
});
