// The hosts of a database URL: each becomes a connection string of its own, in their order, and the rest stays as it is.
import { expect, it } from "vitest";
import { hostsOf } from "../../src/store/connection/hosts.ts";

it.each<[string, string[], boolean]>([
  ["postgres://u:p%20w@h:1/d?sslmode=disable", ["postgres://u:p%20w@h:1/d?sslmode=disable"], false],
  ["postgres://u:p@h/d?target_session_attrs=any", ["postgres://u:p@h/d"], false],
  ["postgres://u:p@h/d?target_session_attrs=primary", ["postgres://u:p@h/d"], true],
  ["postgres://u:p@a:1,b:2/d?x=y", ["postgres://u:p@a:1/d?x=y", "postgres://u:p@b:2/d?x=y"], true],
  ["postgres://a,[::1]:5433/d", ["postgres://a/d", "postgres://[::1]:5433/d"], true],
  [
    "postgres://u@/d?host=/run/a,/run/b&port=5432,5433",
    ["postgres://u@/d?host=%2Frun%2Fa&port=5432", "postgres://u@/d?host=%2Frun%2Fb&port=5433"],
    true,
  ],
])("%s", (url, connectionStrings, mustBeWritable) => {
  expect(hostsOf(url)).toEqual({ connectionStrings, mustBeWritable });
});

it("attributes that suit no service that writes are refused", () => {
  expect(() => hostsOf("postgres://a,b/d?target_session_attrs=prefer-standby")).toThrow(
    /^target_session_attrs=prefer-/,
  );
});
