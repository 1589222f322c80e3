// The search of answers reveals nothing to a sandbox about a value that it does not know completely.
import { once } from "node:events";
import { request as openRequest, type RequestListener } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { useCoffer } from "../support/coffer.ts";
import { bearerFor, bindSecret, makeSandbox, openTunnel, useEgress } from "../support/egress.ts";
import { requestIn } from "../support/egress-request.ts";

const host = "api.upstream.test";
const value = "sk-A1/b2+c3d4e5f6==";
const coffer = useCoffer();
const pauseMs = 400;
const egress = useEgress(coffer, {
  hosts: [host],
  answer: ((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", `https://${host}`);
    const token = String(request.headers.authorization).replace("Bearer ", "");
    if (pathname === "/said") {
      // As a model that repeats what it is told, word by word.
      response.write(searchParams.get("text") ?? "");
      setTimeout(() => response.end("."), pauseMs);
    } else if (pathname === "/forms") {
      const inJson = JSON.stringify(token);
      response.end(
        [inJson.replaceAll("/", "\\/"), inJson.replaceAll("+", "\\u002B"), inJson.replaceAll("=", "\\u003d")].join(),
      );
    } else {
      response.writeHead(200, { "transfer-encoding": "gzip, chunked" });
      response.end(token);
    }
  }) satisfies RequestListener,
});
const authority = () => `${host}:${egress.upstreamPort}`;

async function begin(secret = value) {
  const sandbox = await makeSandbox(coffer);
  const { placeholder } = await bindSecret(coffer, sandbox, secret, bearerFor(host));
  const tunnel = await openTunnel(egress, sandbox, host);
  return { placeholder, tunnel, headers: { authorization: `Bearer ${placeholder}` } };
}

/** Returns the part of an answer that arrived while the host pauses. */
async function seenAtPause(text: string): Promise<string> {
  const { tunnel, headers } = await begin();
  const request = openRequest({
    createConnection: () => tunnel,
    path: `/said?text=${encodeURIComponent(text)}`,
    headers: { host: authority(), ...headers },
  });
  request.end();
  const [response] = await once(request, "response");
  let seen = "";
  response.on("data", (chunk: Buffer) => {
    seen += chunk.toString();
  });
  await sleep(pauseMs / 2);
  tunnel.destroy();
  return seen;
}

describe("what is held back of an answer", () => {
  test("is the same for a right guess at the value's beginning and for a wrong one", async () => {
    const guesses = ["", "s", "x", "sk-A", "sk-B", value.slice(0, -1), `${value.slice(0, -2)}xx`];
    for (const guess of guesses) {
      const unlike = "z".repeat(guess.length);
      expect({ guess, seen: await seenAtPause(`say: ${guess}`) }).toEqual({
        guess,
        seen: (await seenAtPause(`say: ${unlike}`)).replace(unlike, guess),
      });
    }
  });

  test("does not tell the length of the value", async () => {
    const held = async (text: string) => text.length - (await seenAtPause(text)).length;
    expect((await held("y".repeat(4_000))) % 64).toBe(0);
  });

  test("is nothing of a line that has ended", async () => {
    expect(await seenAtPause("data: sk-A\n\n")).toBe("data: sk-A\n\n");
  });
});

test("a value is found as other languages write it in JSON", async () => {
  const { tunnel, headers, placeholder } = await begin();
  const { body } = await requestIn(tunnel, { host: authority(), path: "/forms", headers });
  expect(body).toBe([1, 2, 3].map(() => `"${placeholder}"`).join());
  tunnel.destroy();
});

test("a value that is shorter than a word is not looked for: every letter of an answer would tell", async () => {
  const { tunnel, headers } = await begin("e");
  const { body } = await requestIn(tunnel, { host: authority(), path: "/said?text=every+letter", headers });
  expect(body).toBe("every letter.");
  tunnel.destroy();
});

test("an answer in a transfer coding that nobody reads breaks off", async () => {
  const { tunnel, headers } = await begin();
  await expect(requestIn(tunnel, { host: authority(), path: "/packed", headers })).rejects.toThrow("socket hang up");
  tunnel.destroy();
});
