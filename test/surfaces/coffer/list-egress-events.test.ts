// ListEgressEvents on the real servers.
import { describe, expect, it } from "vitest";
import { EgressStatusClass } from "../../../gen/coffer/v1/egress_service_pb.ts";
import { otherWorkspace } from "../../support/broad-token.ts";
import { useCoffer } from "../../support/coffer.ts";
import { createEgressSecret, writeEgressEvent } from "../../support/egress-secrets.ts";
import { expectError, invalid } from "../../support/errors.ts";
import { sandboxCalls } from "../../support/sandboxes.ts";

const coffer = useCoffer();

const { egress, createSandbox } = sandboxCalls(coffer);

describe("ListEgressEvents", () => {
  it("filters by secret, sandbox and status, in pages, newest first", async () => {
    const secretId = (await createEgressSecret(coffer)).id;
    const { id: sandboxId } = await createSandbox({ name: "box" });
    const ids: string[] = [];
    for (const status of [200, 302, 404, 503]) {
      ids.unshift(await writeEgressEvent(coffer, { secretId, sandboxId, status }));
    }
    const refused = { sandboxId, status: 403, upstreamStatus: undefined, errorCode: "unmatched_host_denied" } as const;
    const refusal = await writeEgressEvent(coffer, refused);
    const list = async (request: object) => (await egress().listEgressEvents(request)).egressEvents.map(({ id }) => id);
    expect(await list({ secretId })).toEqual(ids);
    expect(await list({ sandboxId })).toEqual([refusal, ...ids]);
    const of = (statusClass: EgressStatusClass) => list({ secretId, statusClass });
    expect([await of(EgressStatusClass.SUCCESS), await of(EgressStatusClass.REDIRECT)]).toEqual([[ids[3]], [ids[2]]]);
    expect([await of(EgressStatusClass.CLIENT_ERROR), await of(EgressStatusClass.SERVER_ERROR)]).toEqual([
      [ids[1]],
      [ids[0]],
    ]);
    expect(await of(EgressStatusClass.ERROR)).toEqual([ids[0], ids[1]]);
    const first = await egress().listEgressEvents({ secretId, pageSize: 3 });
    expect(first.egressEvents.map(({ id }) => id)).toEqual(ids.slice(0, 3));
    expect(await list({ secretId, pageSize: 3, pageToken: first.nextPageToken })).toEqual(ids.slice(3));
    await expectError(egress().listEgressEvents({ sandboxId, pageToken: first.nextPageToken }), invalid("page_token"));
    const [event] = (await egress().listEgressEvents({ sandboxId })).egressEvents;
    expect(event).toMatchObject({
      sandboxName: "box",
      secretId: "",
      status: 403,
      latencyMs: 7,
      requestBytes: 1n,
      errorCode: "unmatched_host_denied",
    });
    expect(event?.upstreamStatus).toBeUndefined();
    const { ownerToken } = await otherWorkspace(coffer);
    expect((await egress(ownerToken).listEgressEvents({ secretId })).egressEvents).toEqual([]);
  });
});
