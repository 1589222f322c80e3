// The default port is a wish: when another program has it, coffer serves all the same and says where.
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { useProcesses } from "../support/processes.ts";

const processes = useProcesses();
const defaultPort = 8080;

it("is left to who has it already, and another one taken", async () => {
  const other = createServer().listen(defaultPort, "127.0.0.1");
  onTestFinished(() => void other.close());
  // If it is somebody else's already, so much the better.
  await once(other, "listening").catch(() => {});
  const serving = await processes.serve({ COFFER_DATA_DIR: join(processes.newDir(), "data"), COFFER_PORT: "" });
  expect(serving.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(new URL(serving.url).port).not.toBe(String(defaultPort));
  expect((await fetch(`${serving.url}/healthz`)).status).toBe(200);
});
