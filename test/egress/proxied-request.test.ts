// A proxied request whose connections fail in unexpected ways still writes its row and answers its client.
import { expect, it } from "vitest";
import { newId } from "../../src/domain/ids.ts";
import type { ProxyAnswer } from "../../src/egress/answers.ts";
import { proxyRequest } from "../../src/egress/proxied-request.ts";
import { createEgressEventLog } from "../../src/runtime/egress-event-log.ts";
import { useCoffer } from "../support/coffer.ts";
import { eventsOf } from "../support/egress.ts";
import { sandboxCalls } from "../support/sandboxes.ts";
import { present } from "../support/secrets.ts";

const coffer = useCoffer();
const { createSandbox, authenticated } = sandboxCalls(coffer);

it("a connection to the host that cannot even be closed does not keep the failure from its row and its answer", async () => {
  const { now, random, database } = coffer.deps;
  const made = await createSandbox();
  const sandbox = present(await authenticated(made.token));
  const errors: unknown[] = [];
  const answers: ProxyAnswer[] = [];
  const onUnexpectedError = (error: unknown) => void errors.push(error);
  const events = createEgressEventLog(database.once, {
    newEventId: () => newId("egr", now(), random),
    onFolded: () => {},
    onLost: onUnexpectedError,
  });
  const unclosable = new Error("the connection cannot be closed");
  await proxyRequest(
    { now, random, events, measure: () => {}, log: () => {}, onUnexpectedError },
    { method: "GET", host: "api.test", target: "/" },
    (answer) => void answers.push(answer),
    async (request) => ({
      sandbox,
      secretIds: [],
      meters: [],
      sides: {
        send: () => request.fail("upstream_unreachable"),
        passOn() {},
        breakHost() {
          throw unclosable;
        },
        breakClient() {},
      },
    }),
  );
  await events.flush();
  expect(errors).toEqual([unclosable]);
  expect(answers).toMatchObject([{ reason: "upstream_unreachable" }]);
  expect(await eventsOf(coffer, made)).toMatchObject([{ error_code: "upstream_unreachable" }]);
});
