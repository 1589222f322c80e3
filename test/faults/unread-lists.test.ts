// Lists of large secrets: each page ends at about a megabyte, and callers who do not read theirs cannot end the process.
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createClients, useCoffer } from "../support/coffer.ts";
import { inParallel } from "../support/parallel.ts";
import { useProcesses } from "../support/processes.ts";

const coffer = useCoffer({ redisUrl: null });
const processes = useProcesses();
const secretsMade = 1_000;
const pageBytesMax = 1.2 * 1024 * 1024;

beforeAll(async () => {
  const { secrets } = coffer.clients();
  await secrets.createSecret({ name: "large/0", value: { case: "data", value: Buffer.from("v") } });
  await inParallel(secretsMade - 1, 16, (index) =>
    secrets.createSecret({ name: `large/${index + 1}`, value: { case: "data", value: Buffer.from("v") } }),
  );
  await coffer.sql("update secret set annotations = jsonb_build_object('note', repeat('x', 16000))");
}, 120_000);

describe("a page of 1,000 large secrets ends at about a megabyte, and its token leads to the rest", () => {
  test("over coffer.v1", async () => {
    const { secrets } = coffer.clients();
    const names: string[] = [];
    let pageToken = "";
    do {
      const page = await secrets.listSecrets({ pageSize: 1_000, pageToken });
      expect(JSON.stringify(page.secrets.map(({ annotations }) => annotations)).length).toBeLessThan(pageBytesMax);
      names.push(...page.secrets.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(names).toHaveLength(secretsMade);
    expect(new Set(names).size).toBe(secretsMade);
  });

  test.each(["pathPrefix=/large/", "path=/large/"])("over a REST list, %s", async (query) => {
    const [{ workspace_id: workspaceId } = {}] = await coffer.sql("select workspace_id from workspace");
    const names: string[] = [];
    let path: string | undefined = `/v1/secrets/default/secrets?limit=1000&${query}`;
    while (path !== undefined) {
      const answer: Response = await fetch(new URL(path, coffer.url), {
        headers: { authorization: `Bearer ${coffer.ownerToken}`, "x-organisation-identity": String(workspaceId) },
      });
      const text = await answer.text();
      expect([answer.status, text.length < pageBytesMax]).toEqual([200, true]);
      const body = JSON.parse(text) as { path: string }[] | { secrets: { path: string }[] };
      names.push(...(Array.isArray(body) ? body : body.secrets).map((secret) => secret.path));
      path = /<([^>]+)>;\s*rel="next"/.exec(answer.headers.get("link") ?? "")?.[1];
    }
    expect(new Set(names).size).toBe(secretsMade);
  });
});

test("30 callers of lists of 16 MB, who do not read, leave a process with a heap of 150 MB alive and serving", async () => {
  const serving = await processes.serve({
    ...processes.settingsOf(coffer),
    COFFER_LOG_LEVEL: "error",
    NODE_OPTIONS: "--max-old-space-size=150",
  });
  const body = JSON.stringify({ pageSize: 1_000 });
  const request = `POST /coffer.v1.SecretService/ListSecrets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${coffer.ownerToken}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  for (let index = 0; index < 30; index++) {
    const socket = connect(Number(new URL(serving.url).port), "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    socket.pause();
    // As many as a client may send at once.
    socket.write(request.repeat(16));
  }
  const { secrets } = createClients(serving.url, coffer.ownerToken);
  for (let count = 0; count < 20; count++) {
    expect((await secrets.listSecrets({ pageSize: 1 })).secrets).toHaveLength(1);
    await sleep(100);
  }
  expect(serving.child.exitCode).toBeNull();
});
