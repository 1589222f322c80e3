// Once per run: PostgreSQL with the migrated template database, and Redis; both end with the run.

import { Client } from "pg";
import type { TestProject } from "vitest/node";
import { migrate } from "../../src/store/migrate.ts";
import { startTestPostgres } from "./postgres.ts";
import { startTestRedis } from "./redis.ts";

/** The template of the tests' databases: `create database … template coffer_template`. */
export const templateDatabase = "coffer_template";

declare module "vitest" {
  interface ProvidedContext {
    /** An administrator's URL of the run's cluster. */
    postgresUrl: string;
    redisUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = await Promise.allSettled([startTestPostgres(), startTestRedis()]);
  const stop = async () => {
    for (const result of started) if (result.status === "fulfilled") await result.value.stop();
  };
  const [postgres, redis] = started;
  try {
    if (postgres.status === "rejected") throw postgres.reason;
    if (redis.status === "rejected") throw redis.reason;
    await createTemplate(postgres.value.url);
    project.provide("postgresUrl", postgres.value.url);
    project.provide("redisUrl", redis.value.url);
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function createTemplate(adminUrl: string): Promise<void> {
  const client = new Client(adminUrl);
  await client.connect();
  try {
    // A server that is kept between runs may have an older one.
    await client.query(`drop database if exists ${templateDatabase} with (force)`);
    await client.query(`create database ${templateDatabase}`);
  } finally {
    await client.end();
  }
  await migrate(withDatabase(adminUrl, templateDatabase));
}

/** The same server, another database. Not by URL: one of a Unix socket has no host, which URL does not parse. */
export function withDatabase(url: string, database: string): string {
  return url.replace(/^(\w+:\/\/[^/]*)(?:\/[^?]*)?/, (_whole, server: string) => `${server}/${database}`);
}
