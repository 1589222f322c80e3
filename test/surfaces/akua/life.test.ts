// The whole life of a secret over Akua's REST requests alone, as a script would live it, on the real servers.
import { expect, it } from "vitest";
import {
  type AkuaPage,
  type AkuaSecret,
  type AkuaVersion,
  accessAkua,
  bodyOf,
  describeFailure,
  readAkua,
} from "../../support/akua.ts";
import { useCoffer } from "../../support/coffer.ts";

const coffer = useCoffer();

it("created, changed, given versions and aliases, disabled, destroyed, deleted, undeleted", async () => {
  const send = (method: string, path: string, etag?: string, json?: object) =>
    coffer.fetch(`/v1/secrets${path}`, {
      method,
      headers: etag === undefined ? {} : { "if-match": etag },
      ...(json === undefined ? {} : { json }),
    });

  // Create, and change with the etag that it came with.
  const created = await bodyOf<AkuaSecret>(
    await send("POST", "", undefined, { name: "prod/db", kind: "generic", value: "one", labels: { team: "a" } }),
    201,
  );
  const { id } = created;
  const changed = await bodyOf<AkuaSecret>(
    await send("PATCH", `/${id}`, created.etag, { description: "the database", mime_type: "text/plain" }),
  );
  expect(changed).toEqual({
    ...created,
    description: "the database",
    mime_type: "text/plain",
    etag: "2",
    updated_at: changed.updated_at,
  });

  // The etag that it came with is stale now; the error says which one is not.
  const stale = await describeFailure(await send("PATCH", `/${id}`, created.etag, { description: "lost" }));
  expect(stale).toMatchObject({ status: 409, reason: "ABORTED", metadata: { etag: changed.etag } });

  // Three versions.
  const [two, three] = [
    await bodyOf<AkuaVersion>(await send("POST", `/${id}/versions`, undefined, { value: "two", comment: "2nd" }), 201),
    await bodyOf<AkuaVersion>(await send("POST", `/${id}/versions`, undefined, { value: "three" }), 201),
  ];
  expect(three).toEqual({
    id: expect.stringMatching(/^secv_[0-9a-z]{26}$/),
    secret_id: id,
    version_number: 3,
    state: "enabled",
    created_at: expect.any(Number),
    etag: "1",
  });
  const page = await bodyOf<AkuaPage<AkuaVersion>>(await send("GET", `/${id}/versions`));
  const [, , one] = page.data as [AkuaVersion, AkuaVersion, AkuaVersion];
  expect(page).toEqual({ data: [three, two, one], has_more: false, next_cursor: null });

  // An alias, moved from one version to another.
  const setAlias = async (version_aliases: Record<string, number>) => {
    const { etag } = await bodyOf<AkuaSecret>(await send("GET", `/${id}`));
    return bodyOf<AkuaSecret>(await send("PATCH", `/${id}`, etag, { version_aliases }));
  };
  expect(await setAlias({ stable: 1 })).toMatchObject({ version_aliases: { stable: 1 }, version_count: 3 });
  expect(await readAkua(coffer, id, "stable")).toBe("one");
  expect(await setAlias({ stable: 2 })).toMatchObject({ version_aliases: { stable: 2 }, enabled_version_count: 3 });

  // The values, by every name.
  const read = (...names: string[]) => Promise.all(names.map((name) => readAkua(coffer, id, name)));
  expect(await read(one.id, two.id, three.id, "stable", "latest", "current")).toEqual([
    "one",
    "two",
    "three",
    "two",
    "three",
    "three",
  ]);

  // Disabled: 409, and `latest` moves on. Enabled again: it comes back.
  const disabled = await bodyOf<AkuaVersion>(await send("POST", `/${id}/versions/${three.id}:disable`, three.etag));
  expect(disabled).toEqual({ ...three, state: "disabled", etag: "2" });
  expect(await describeFailure(await accessAkua(coffer, id, three.id))).toMatchObject({ status: 409 });
  expect(await read("latest", "current")).toEqual(["two", "two"]);
  const enabled = await bodyOf<AkuaVersion>(await send("POST", `/${id}/versions/${three.id}:enable`, disabled.etag));
  expect(enabled).toEqual({ ...three, etag: "3" });
  expect(await bodyOf(await send("POST", `/${id}/versions/${three.id}:enable`, "3"))).toEqual(enabled);

  // Destroyed: 410 for good, and its metadata stays.
  const destroyed = await bodyOf<AkuaVersion>(await send("POST", `/${id}/versions/${three.id}:destroy`, enabled.etag));
  expect(destroyed).toEqual({ ...three, state: "destroyed", etag: "4", destroyed_at: destroyed.destroyed_at });
  expect(destroyed.destroyed_at).toBeGreaterThanOrEqual(three.created_at);
  expect(await describeFailure(await accessAkua(coffer, id, three.id))).toMatchObject({ status: 410 });
  expect(await describeFailure(await send("POST", `/${id}/versions/${three.id}:enable`, "4"))).toMatchObject({
    status: 409,
    reason: "VERSION_ALREADY_DESTROYED",
  });
  expect(await bodyOf(await send("GET", `/${id}/versions/${three.id}`))).toEqual(destroyed);

  // Deleted: in no list, no value to be had, still there by its id.
  const last = await bodyOf<AkuaSecret>(await send("GET", `/${id}`));
  expect(last).toMatchObject({ version_count: 3, enabled_version_count: 2 });
  expect((await send("DELETE", `/${id}`, last.etag)).status).toBe(204);
  const listed = await bodyOf<AkuaPage<AkuaSecret>>(await send("GET", ""));
  expect(listed).toEqual({ data: [], has_more: false, next_cursor: null });
  expect(await describeFailure(await accessAkua(coffer, id, "latest"))).toMatchObject({ status: 404 });
  const deleted = await bodyOf<AkuaSecret>(await send("GET", `/${id}`));
  expect(deleted).toMatchObject({ state: "soft_deleted", purge_at: (deleted.deleted_at ?? 0) + 30 * 86_400 });

  // Undeleted: everything is as it was.
  const undeleted = await bodyOf<AkuaSecret>(await send("POST", `/${id}:undelete`, deleted.etag));
  expect(undeleted).toEqual({ ...last, etag: undeleted.etag, updated_at: undeleted.updated_at });
  expect(await bodyOf(await send("GET", ""))).toEqual({ data: [undeleted], has_more: false, next_cursor: null });
  expect(await read(one.id, "stable", "latest", "current")).toEqual(["one", "two", "two", "two"]);
});
