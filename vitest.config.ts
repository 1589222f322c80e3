// The tests run on one PostgreSQL and one Redis of their own, started by the global setup.

import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    setupFiles: ["test/support/hostile-setup.ts", "test/support/contract-setup.ts"],
    // Processes rather than threads: tests send signals and read process.pid.
    pool: "forks",
    // One process for many files, which load the modules once: what a file has to itself is its database and its prefix of keys.
    isolate: false,
    // Two even on the smallest machine: tests wait for disks and servers more than they compute.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // For what hangs. What has to be fast enough is asserted where it is, and a busy machine makes the rest take its time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
  },
});
