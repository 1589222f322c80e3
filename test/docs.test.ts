// Documents say what the code does.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { errorsDocument, errorsPath } from "../scripts/write-docs.ts";
import { usage } from "../src/cli/usage.ts";
import { loadConfig } from "../src/config/config.ts";
import { jobs } from "../src/jobs/jobs.ts";
import { partitionEvents } from "../src/jobs/partition-events.ts";
import { readIssuers } from "../src/jwt/read-issuers.ts";
import { akuaRoutes } from "./support/akua-routes.ts";
import { ravenConnectionRoutes, ravenRoutes } from "./support/dataraven.ts";
import { writeIssuersFile } from "./support/jwt-issuer.ts";
import { serveRoutes } from "./support/superserve.ts";
import { thalassaRoutes } from "./support/thalassa-routes.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

describe("settings", () => {
  const settingsIn = (text: string) => [...new Set(text.match(/COFFER_(?!TEST_)[A-Z_]+[A-Z]/g))].sort();
  const settings = settingsIn(
    read("src/config/config.ts") + read("src/config/egress.ts") + read("src/probes/endpoints.ts"),
  );

  it.each(["docs/configuration.md", ".env.example"])("are all in %s, and no others", (path) => {
    expect(settings.length).toBeGreaterThan(15);
    expect(settingsIn(read(path))).toEqual(settings);
  });

  it.each(["Dockerfile", "docker-compose.yml", "docs/database.md"])("in %s exist", (path) => {
    const named = settingsIn(read(path));
    expect(named.length).toBeGreaterThan(1);
    expect(settings).toEqual(expect.arrayContaining(named));
  });

  it("have in .env.example the defaults that an empty environment gives", () => {
    const given = read(".env.example").matchAll(/^(COFFER_[A-Z_]+)=(.*)$/gm);
    const example = Object.fromEntries([...given].map(([, name, value]) => [name, value]));
    expect(Object.keys(example).length).toBeGreaterThan(10);
    expect(loadConfig(example)).toEqual(loadConfig({}));
  });
});

it("docs/errors.md is what the tables of errors say; `npm run generate` writes it", () => {
  expect(readFileSync(errorsPath, "utf8")).toBe(errorsDocument());
});

it("docs/rest-akua.md lists every request as the tests of Akua's surface know it", () => {
  const rows = read("docs/rest-akua.md").matchAll(
    /^\| `([A-Z]+ \/v1\/.*?)` \| `(.*?)` \| (\d+).*? \| (.*?) ?\| (\d*) ?\|$/gm,
  );
  const listed = [...rows].map(([, request, scope, success, ifMatch, deleted]) => [
    request,
    scope,
    success,
    ifMatch,
    deleted,
  ]);
  const known = akuaRoutes.map(({ request, scope, success, ifMatch, deleted = "" }) => {
    return [request, scope, String(success), ifMatch ? `the ${ifMatch}'s` : "", String(deleted)];
  });
  expect(listed).toEqual(known);
});

it("docs/rest-thalassa.md lists every request as the tests of Thalassa Cloud's surface know it", () => {
  const rows = read("docs/rest-thalassa.md").matchAll(/^\| `([A-Z]+ \/v1\/.*?)` \| (`.*?`) \| (\d+).*? \|$/gm);
  const listed = [...rows].map(([, request, permissions, success]) => [request, permissions, success]);
  const known = thalassaRoutes.map(({ request, permissions, success }) => {
    return [request, permissions.map((permission) => `\`${permission}\``).join(", "), String(success)];
  });
  expect(listed).toEqual(known);
});

it("docs/rest-dataraven.md lists every request as the tests of DataRaven's surface know it", () => {
  const rows = read("docs/rest-dataraven.md").matchAll(
    /^\| `([A-Z]+ \/v1\/.*?)` \| (\w+) \| `(.*?)` \| (\d+).*? \|$/gm,
  );
  const listed = [...rows].map(([, request, least, scope, ok]) => [request, least, scope, ok]);
  const known = [...ravenRoutes, ...ravenConnectionRoutes].map(({ request, least, scope, ok }) => [
    request,
    least.toLowerCase(),
    scope,
    String(ok),
  ]);
  expect(listed).toEqual(known);
});

it("docs/rest-superserve.md lists every request as the tests of Superserve's surface know it", () => {
  const rows = read("docs/rest-superserve.md").matchAll(/^\| `([A-Z]+ \/.*?)` \| (.*?) \| (\d+).*? \|$/gm);
  const listed = [...rows].map(([, request, permissions, success]) => [request, permissions, success]);
  const known = serveRoutes.map(({ request, permissions, success }) => {
    const named = permissions.map((permission) => `\`${permission}\``).join(", ");
    return [request, named === "" ? "any token" : named, String(success)];
  });
  expect(listed).toEqual(known);
});

it("docs/jwt.md shows a file of issuers that is taken", () => {
  const [, example = ""] = /```json\n(.*?)```\n/s.exec(read("docs/jwt.md")) ?? [];
  const { path, remove } = writeIssuersFile(example);
  expect(readIssuers("COFFER_JWT_ISSUERS_FILE", path)).toHaveLength(1);
  remove();
});

it("docs/commands.md shows every command of the usage", () => {
  const commands = [...usage.matchAll(/coffer ((?:workspace|token|audit|keyring) \w+)/g)].map(([, command]) => command);
  expect(commands.length).toBeGreaterThan(5);
  for (const command of commands) expect(read("docs/commands.md")).toContain(`coffer ${command}`);
});

it("docs/jobs.md shows every job", () => {
  const forEver = { auditDays: undefined, egressDays: undefined };
  const [, table = ""] = /^\| job \| what it does \|\n(.*?)\n\n/ms.exec(read("docs/jobs.md")) ?? [];
  const shown = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(new Set(shown)).toEqual(new Set([...jobs, partitionEvents(forEver)].map(({ name }) => name)));
});

const pages = globSync(["*.md", "docs/**/*.md", "test/support/*.md"], { cwd: root });

it.each(pages)("%s links to files and headings that are there", (path) => {
  const links = [...read(path).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
  for (const [, link = "", heading] of links) {
    const target = link === "" ? path : join(dirname(path), link);
    expect([link, existsSync(join(root, target))]).toEqual([link, true]);
    if (heading !== undefined) expect(headingsOf(target)).toContain(heading);
  }
});

it.each(pages)("%s names files and folders that are there", (path) => {
  const named = read(path).matchAll(/`((?:src|test|proto|docs|scripts|bench)\/[\w./-]+)`/g);
  expect([...named].filter(([, name = ""]) => !existsSync(join(root, name)))).toEqual([]);
});

/** The names by which GitHub links to the headings of a page. */
function headingsOf(path: string): string[] {
  const headings = [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading.toLowerCase());
  return headings.map((heading) => heading.replace(/[^\w -]/g, "").replaceAll(" ", "-"));
}

it("docs/invariants.md names tests that exist", () => {
  const rows = [...read("docs/invariants.md").matchAll(/^\| .* \| `(test\/.*)` \| (".*") \|$/gm)];
  expect(rows.length).toBeGreaterThan(10);
  expect(rows.length + 2).toBe(read("docs/invariants.md").match(/^\|/gm)?.length);
  for (const [, path = "", title = ""] of rows) {
    const source = read(path).replace(/\(\s+/g, "(");
    const calls = [`it(${title}, `, `test(${title}, `];
    expect([path, title, calls.some((call) => source.includes(call))]).toEqual([path, title, true]);
  }
});

it("docs/glossary.md names files and folders that are there, and each term once", () => {
  const rows = [...read("docs/glossary.md").matchAll(/^\| (?!term|---)(.*?) \| `(.*?)` \|/gm)];
  expect(rows.length).toBeGreaterThan(40);
  for (const [, term, path = ""] of rows) expect([term, existsSync(join(root, path))]).toEqual([term, true]);
  expect(new Set(rows.map(([, term]) => term)).size).toBe(rows.length);
});

it("test/support/README.md lists every helper, and no others", () => {
  const listed = [...read("test/support/README.md").matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, files = ""]) => {
    return files.split(", ").map((file) => file.replaceAll("`", ""));
  });
  expect(listed.sort()).toEqual(globSync("*.ts", { cwd: join(root, "test/support") }).sort());
});

it("docs/decisions/README.md lists every decision by its number, title and page", () => {
  const decisions = globSync("[0-9]*.md", { cwd: join(root, "docs/decisions") }).sort();
  const expected = decisions.map((file) => {
    const [, number, title] = /^# (\d{4}): (.*)$/m.exec(read(`docs/decisions/${file}`)) ?? [];
    expect(file).toMatch(new RegExp(`^${number}-`));
    return `| [${number}](${file}) | ${title} |`;
  });
  const listed = read("docs/decisions/README.md").match(/^\| \[.*?\| .*? \|/gm);
  expect(listed).toEqual(expected);
});

it("the README is a page that is read in a minute, and shows both commands", () => {
  expect(read("README.md").split("\n").length).toBeLessThanOrEqual(150);
  for (const command of ["npm ci && npm start", "npm ci && npm test"]) expect(read("README.md")).toContain(command);
});

it("Node is given the same options by npm start, the program itself and the image", () => {
  const [, start] = /"NODE_COMPILE_CACHE=\S+ exec node (.*) src\/main\.ts serve"/.exec(read("package.json")) ?? [];
  const [, program] = /^#!\/usr\/bin\/env -S node (.*)$/m.exec(read("src/main.ts")) ?? [];
  const [, image] = /^ENTRYPOINT \["node", "(.*)", "\/app\/dist\/src\/main\.js"\]$/m.exec(read("Dockerfile")) ?? [];
  expect(start).toMatch(/^--.* --disable-sigusr1$/);
  expect([program, image?.split('", "').join(" ")]).toEqual([start, start]);
});

it("docs/tour.md shows docs/tour.ts as it is", () => {
  const [, shown] = /<!-- tour\.ts -->\n```ts\n(.*?)```\n/s.exec(read("docs/tour.md")) ?? [];
  const [, ...lines] = read("docs/tour.ts").split("\n");
  expect(shown).toBe(lines.join("\n"));
});
