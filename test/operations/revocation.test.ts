// Revocations and rotations across two instances: at once where they are made, soon elsewhere, and within five seconds when no word of them comes.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../gen/coffer/v1/token_service_pb.ts";
import { coveredOfToken, macOf } from "../../src/integrity/row-macs.ts";
import { findTokenRecord } from "../../src/store/api-tokens.ts";
import { startCoffer, type TestCoffer } from "../support/coffer.ts";
import { expectError, unauthenticated } from "../support/errors.ts";
import { until } from "../support/poll.ts";
import { present } from "../support/secrets.ts";

let here: TestCoffer;
let there: TestCoffer;
beforeAll(async () => {
  here = await startCoffer();
  there = await startCoffer({ besides: here });
});
afterAll(async () => {
  await there.close();
  await here.close();
});

const whoAmI = (coffer: TestCoffer, token: string) => coffer.clients(token).tokens.whoAmI({});
const isRefused = (coffer: TestCoffer, token: string) =>
  whoAmI(coffer, token).then(
    () => false,
    () => true,
  );

/** A token that both instances have let in just now. */
async function newToken() {
  const { apiToken, token } = await here.clients().tokens.createToken({ displayName: "t", role: Role.VIEWER });
  for (const coffer of [here, there]) expect((await whoAmI(coffer, token)).role).toBe(Role.VIEWER);
  return { id: present(apiToken).id, token };
}

describe("a revoked token", () => {
  it("is refused by the next request on the same instance, and soon after on the other", async () => {
    const { id, token } = await newToken();
    const start = performance.now();
    await here.clients().tokens.revokeToken({ id });
    await expectError(whoAmI(here, token), unauthenticated);
    await until("the other instance refuses it", () => isRefused(there, token), 4_000);
    expect(performance.now() - start).toBeLessThan(4_000);
  });

  it("is refused soon although the connection that listens was cut", async () => {
    const { id, token } = await newToken();
    await cutListeners(here);
    await here.clients().tokens.revokeToken({ id });
    await expectError(whoAmI(here, token), unauthenticated);
    await until("the other instance refuses it", () => isRefused(there, token), 5_500);
  });

  it("is refused within five seconds although no notification ever came", async () => {
    const { token } = await newToken();
    await revokeSilently(token);
    const start = performance.now();
    for (const coffer of [here, there]) await until("it is refused", () => isRefused(coffer, token), 8_000);
    expect(performance.now() - start).toBeLessThan(5_500);
  });
});

describe("a rotated token", () => {
  it("is refused in its old text by the next request on the same instance, and soon after on the other", async () => {
    const { id, token } = await newToken();
    const start = performance.now();
    const rotated = await here.clients().tokens.rotateToken({ id });
    await expectError(whoAmI(here, token), unauthenticated);
    for (const coffer of [here, there]) expect((await whoAmI(coffer, rotated.token)).tokenId).toBe(id);
    await until("the other instance refuses it", () => isRefused(there, token), 4_000);
    expect(performance.now() - start).toBeLessThan(4_000);
  });

  it("is refused in its old text within five seconds although no notification ever came", async () => {
    const { id, token } = await newToken();
    await cutListeners(there);
    const start = performance.now();
    await here.clients().tokens.rotateToken({ id });
    await until("the other instance refuses it", () => isRefused(there, token), 8_000);
    expect(performance.now() - start).toBeLessThan(5_500);
  });
});

async function cutListeners(coffer: TestCoffer): Promise<void> {
  await coffer.sql(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'",
  );
}

/** Writes the revocation as coffer would, and tells nobody. */
async function revokeSilently(text: string): Promise<void> {
  const { database, deploymentKeys } = here.deps;
  const { token } = present(await findTokenRecord(database, text.slice(10, 20)));
  const revokeTime = new Date();
  const mac = macOf(deploymentKeys, coveredOfToken({ ...token, revokeTime }));
  await here.sql("update api_token set revoke_time = $2, mac = $3 where token_id = $1", [
    token.tokenId,
    revokeTime,
    mac,
  ]);
}
