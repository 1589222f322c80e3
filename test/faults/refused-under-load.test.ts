// A key, a version, a secret and a token are taken away while readers of two processes read: no value leaves from the answer to that change on.
import * as http from "node:http";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { createClients, useCoffer } from "../support/coffer.ts";
import { createKey } from "../support/keys.ts";
import { until } from "../support/poll.ts";
import { type Serving, useProcesses } from "../support/processes.ts";
import { byId, createSecret, data, present } from "../support/secrets.ts";

const coffer = useCoffer();
const processes = useProcesses();
const plenty = "1000000";
const text = "the-value-under-load";
const readersOfEach = 16;
const readsOfEach = 150;

let instances: Serving[] = [];
beforeAll(async () => {
  const env = {
    ...processes.settingsOf(coffer),
    ...{ COFFER_REDIS_URL: inject("redisUrl"), COFFER_REDIS_PREFIX: coffer.config.redisPrefix },
    ...{ COFFER_RATE_LIMIT_PRINCIPAL: plenty, COFFER_RATE_LIMIT_WORKSPACE: plenty },
    ...{ COFFER_RATE_LIMIT_UNAUTHENTICATED: plenty, COFFER_JOBS: "off", COFFER_LOG_LEVEL: "error" },
  };
  instances = await Promise.all([processes.serve(env), processes.serve(env)]);
});

interface Answer {
  instance: number;
  startMs: number;
  /** `OK` when it holds the value, or else the reason for which it does not. */
  outcome: string;
}

interface Target {
  id: string;
  versionId: string;
  keyId: string;
  token: string;
  tokenId: string;
}

/** Reads with the token all the time, from both instances and in every way. */
function startReaders({ id, versionId, token }: Target) {
  const answers: Answer[] = [];
  const agent = new http.Agent({ keepAlive: true, maxSockets: readersOfEach });
  let isOver = false;
  const ways = [
    { path: "/coffer.v1.SecretService/GetSecretValue", json: { id, version: "1" } },
    { path: `/v1/secrets/${id}/versions/${versionId}:access`, json: undefined },
  ];
  const readers = instances.flatMap(({ url }, instance) =>
    Array.from({ length: readersOfEach }, async (_, index) => {
      for (let turn = index; !isOver; turn++) {
        const startMs = performance.now();
        const way = present(ways[turn % ways.length]);
        answers.push({ instance, startMs, outcome: await read(agent, url, token, way.path, way.json) });
      }
    }),
  );
  /** Returns the outcomes of reads that began after a time, once there are enough of both instances. */
  const outcomesAfter = async (startMs: number, which = instances.map((_, instance) => instance)) => {
    const begun = (instance: number) =>
      answers.filter((answer) => answer.instance === instance && answer.startMs > startMs);
    await until("there are enough reads", async () => which.every((each) => begun(each).length >= readsOfEach), 20_000);
    return new Set(which.flatMap(begun).map(({ outcome }) => outcome));
  };
  return {
    outcomesAfter,
    async [Symbol.asyncDispose]() {
      isOver = true;
      await Promise.all(readers);
      agent.destroy();
    },
  };
}

function read(agent: http.Agent, url: string, token: string, path: string, json: object | undefined): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = { authorization: `Bearer ${token}`, ...(json && { "content-type": "application/json" }) };
  const request = http.request(url + path, { method: "POST", headers, agent }, (response) => {
    let body = "";
    response.setEncoding("utf8").on("data", (piece: string) => {
      body += piece;
    });
    response.on("end", () => {
      const isValue = body.includes(text) || body.includes(btoa(text));
      resolve(isValue ? "OK" : (/"reason":\s*"(\w+)"/.exec(body)?.[1] ?? `${response.statusCode} ${body}`));
    });
  });
  request.on("error", reject).end(json && JSON.stringify(json));
  return promise;
}

async function newTarget(): Promise<Target> {
  const key = await createKey(coffer);
  const { id } = await createSecret(coffer, { kmsKeyId: key.id, value: data(text) });
  const { secrets, tokens } = coffer.clients();
  const { version } = await secrets.getSecretVersion({ ...byId(id), version: "1" });
  const { token, apiToken } = await tokens.createToken({ displayName: "reader", role: Role.OPERATOR });
  return { id, versionId: present(version).id, keyId: key.id, token, tokenId: present(apiToken).id };
}

type Clients = ReturnType<typeof createClients>;

interface Change {
  take(clients: Clients, target: Target): Promise<unknown>;
  giveBack(clients: Clients, target: Target): Promise<unknown>;
  reason: string;
}

const changes: Readonly<Record<string, Change>> = {
  "a disabled key": {
    take: ({ keys }, { keyId }) => keys.disableKey({ id: keyId }),
    giveBack: ({ keys }, { keyId }) => keys.enableKey({ id: keyId }),
    reason: "KEY_NOT_ACTIVE",
  },
  "a disabled version": {
    take: ({ secrets }, { id }) => secrets.disableSecretVersion({ ...byId(id), version: "1" }),
    giveBack: ({ secrets }, { id }) => secrets.enableSecretVersion({ ...byId(id), version: "1" }),
    reason: "VERSION_DISABLED",
  },
  "a deleted secret": {
    take: ({ secrets }, { id }) => secrets.deleteSecret(byId(id)),
    giveBack: ({ secrets }, { id }) => secrets.undeleteSecret({ id }),
    reason: "SECRET_NOT_FOUND",
  },
};

describe("under readers of two processes", () => {
  it("no value leaves after the answer to the change that takes it away, and all values do when it is undone", async () => {
    const target = await newTarget();
    await using readers = startReaders(target);
    expect(await readers.outcomesAfter(performance.now())).toEqual(new Set(["OK"]));
    for (const [name, { take, giveBack, reason }] of Object.entries(changes)) {
      // Each process makes the change in turn, and both must know it.
      for (const { url } of [...instances, ...instances]) {
        const clients = createClients(url, coffer.ownerToken);
        await take(clients, target);
        expect([name, await readers.outcomesAfter(performance.now())]).toEqual([name, new Set([reason])]);
        await giveBack(clients, target);
        expect([name, await readers.outcomesAfter(performance.now())]).toEqual([name, new Set(["OK"])]);
      }
    }
  }, 60_000);

  it("no value leaves by a revoked or rotated token: at once where that was done, within five seconds elsewhere", async () => {
    for (const [index, change] of (["revoke", "rotate"] as const).entries()) {
      const target = await newTarget();
      await using readers = startReaders(target);
      expect(await readers.outcomesAfter(performance.now())).toEqual(new Set(["OK"]));
      const { tokens } = createClients(present(instances[index]).url, coffer.ownerToken);
      const id = { id: target.tokenId };
      const { token } =
        change === "rotate" ? await tokens.rotateToken(id) : { ...(await tokens.revokeToken(id)), token: "" };
      const changedMs = performance.now();
      expect(await readers.outcomesAfter(changedMs, [index])).toEqual(new Set(["CREDENTIAL_INVALID"]));
      expect(await readers.outcomesAfter(changedMs + 5_000)).toEqual(new Set(["CREDENTIAL_INVALID"]));
      if (token === "") continue;
      await using others = startReaders({ ...target, token });
      expect(await others.outcomesAfter(performance.now())).toEqual(new Set(["OK"]));
    }
  }, 60_000);
});
