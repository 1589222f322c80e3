// The forms of COFFER_REDIS_URL.
import { expect, test } from "vitest";
import { readRedisUrl } from "../../src/redis/redis-url.ts";
import { refusalIn } from "../../src/redis/refusal.ts";

const none = { username: undefined, password: undefined, tls: false };

test.each([
  ["redis://localhost", { kind: "single", url: "redis://localhost" }],
  ["redis://:p@s:s@[::1]:6380/2", { kind: "single", url: "redis://:p@s:s@[::1]:6380/2" }],
  ["unix:///run/redis.sock", { kind: "single", url: "unix:///run/redis.sock" }],
  [
    "redis+sentinel://:p%40ss@a:26380,[::1]/main/2",
    {
      ...{ kind: "sentinel", ...none, password: "p@ss", name: "main", db: 2 },
      nodes: [
        { host: "a", port: 26_380 },
        { host: "::1", port: 26_379 },
      ],
    },
  ],
  [
    "rediss+cluster://user:a:b@a.example,b.example:7001",
    {
      ...{ kind: "cluster", username: "user", password: "a:b", tls: true },
      nodes: [
        { host: "a.example", port: 6_379 },
        { host: "b.example", port: 7_001 },
      ],
    },
  ],
])("%s", (text, target) => {
  expect(readRedisUrl(text)).toEqual(target);
});

test.each([
  "redis+sentinel://a:1",
  "redis+sentinel://a:1/main/x",
  "redis+cluster://a:1/0",
  "redis+cluster://a:70000",
  "redis+cluster://a b",
  "redis+cluster://%zz@a",
  "redis+sentinel://a:1/%zz",
  "redis+sentinel://:p@ss@a:1/main",
  "redis://:100%safe@a",
  "redis://:a/b@c",
  "redis://a/main",
  "redis://a:70000",
  "redis+other://a",
])("%s has none of them", (text) => {
  expect(readRedisUrl(text)).toBeUndefined();
});

test.each([
  ["READONLY You can't write against a read only replica. script: 1, on @user_script:1.", "READONLY: it is a replica"],
  ["ERR Error running script (call to f_1): @user_script:1: -OOM command not allowed", "OOM: its memory is full"],
  ["MOVED 3999 127.0.0.1:6381", "MOVED: it is a node of a cluster; use a redis+cluster:// URL"],
  ["ERR max number of clients reached", "it has too many clients"],
])("an error of Redis, %s, is a refusal: %s", (message, text) => {
  expect(refusalIn(new Error(message))).toContain(text);
});

test.each(["WRONGTYPE Operation against a key", "Command timed out", "ERR value is not an integer"])(
  "%s is none",
  (message) => {
    expect(refusalIn(new Error(message))).toBeUndefined();
  },
);
