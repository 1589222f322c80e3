// The rate limit headers of DataRaven's answers, under its names.

const names: Readonly<Record<string, string>> = {
  "ratelimit-limit": "x-ratelimit-limit",
  "ratelimit-remaining": "x-ratelimit-remaining",
};

/** `ratelimit-reset` is in seconds from now, DataRaven's is a time in Unix seconds. The other headers stay unchanged. */
export function showDataRavenHeaders(headers: Record<string, string>, nowMs: number): Record<string, string> {
  const rendered = Object.entries(headers).map(([name, value]): [string, string] => {
    if (name !== "ratelimit-reset") return [names[name] ?? name, value];
    return ["x-ratelimit-reset", String(Math.ceil(nowMs / 1000) + Number(value))];
  });
  return Object.fromEntries(rendered);
}
