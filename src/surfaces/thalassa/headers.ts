// The headers of Thalassa Cloud's requests and answers.
import type { HandlerContext } from "@connectrpc/connect";

/** Names the workspace. */
export const organisationHeader = "X-Organisation-Identity";

/** May repeat the workspace. */
export const projectHeader = "X-Project-Identity";

/** Sets the header with the address of the next page. The last page has no such header. */
export function showNextPage(
  { responseHeader }: HandlerContext,
  path: string,
  query: Record<string, string | number | undefined>,
  pageToken: string,
): void {
  if (pageToken === "") return;
  const given = Object.entries({ ...query, pageToken }).filter(([, value]) => value !== undefined);
  const parameters = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  responseHeader.set("link", `<${path}?${parameters}>; rel="next"`);
}
