// A value is found however a stream is cut, and what surrounds it stays as it was.
import { expect, test } from "vitest";
import { scrubForms } from "../../../src/domain/egress/scrub-forms.ts";
import { createFinder, createScrubber, scrubText } from "../../../src/domain/egress/scrubber.ts";

const value = "aab+value/aab$&";
const forms = scrubForms(value, "PLACEHOLDER", []);

function scrubbed(text: string, cuts: readonly number[]): string {
  const scrubber = createScrubber(forms);
  const bytes = Buffer.from(text);
  const parts = [0, ...cuts].map((cut, i) => scrubber.push(bytes.subarray(cut, cuts[i] ?? bytes.byteLength)));
  return Buffer.concat([...parts, scrubber.end()]).toString();
}

test("a value is replaced wherever the stream is cut", () => {
  const text = `aa${value}a${value}${encodeURIComponent(value)} aab`;
  const expected = "aaPLACEHOLDERaPLACEHOLDERPLACEHOLDER aab";
  for (let one = 0; one <= text.length; one++) {
    for (let two = one; two <= text.length; two++) expect(scrubbed(text, [one, two])).toBe(expected);
  }
});

test("a value beyond ASCII too, in its bytes and in headers", () => {
  const beyond = scrubForms("pässwört", "PLACEHOLDER", []);
  const bytes = Buffer.from("x pässwört y");
  for (let cut = 0; cut <= bytes.byteLength; cut++) {
    const scrubber = createScrubber(beyond);
    const parts = [scrubber.push(bytes.subarray(0, cut)), scrubber.push(bytes.subarray(cut)), scrubber.end()];
    expect(Buffer.concat(parts).toString()).toBe("x PLACEHOLDER y");
  }
  expect(scrubText(bytes.toString("latin1"), beyond)).toBe("x PLACEHOLDER y");
});

test("the end of a line does not wait, and what waits behind it is the same for every value", () => {
  const scrubber = createScrubber(forms);
  expect(scrubber.push(Buffer.from("data: 1\n\n")).toString()).toBe("data: 1\n\n");
  expect(scrubber.push(Buffer.from(`x\n${value.slice(0, 5)}`)).toString()).toBe("x\n");
  expect(scrubber.push(Buffer.from("\nunlike")).toString()).toBe(`${value.slice(0, 5)}\n`);
});

test("of two texts that begin alike the longer one is found, wherever the stream is cut", () => {
  const both = [
    { find: "abcdef", put: "LONG" },
    { find: "abc", put: "SHORT" },
  ];
  const text = "xabcdefabcx\nabc";
  for (let cut = 0; cut <= text.length; cut++) {
    const scrubber = createScrubber(both);
    const parts = [scrubber.push(Buffer.from(text.slice(0, cut))), scrubber.push(Buffer.from(text.slice(cut)))];
    expect(Buffer.concat([...parts, scrubber.end()]).toString()).toBe("xLONGSHORTx\nSHORT");
  }
});

test.each(["", "u:", "us:"])("a value is found in base64 behind %j", (before) => {
  for (const encoding of ["base64", "base64url"] as const) {
    const text = Buffer.from(`${before}${value}`).toString(encoding);
    expect(scrubbed(text, [])).toContain("PLACEHOLDER");
  }
});

test("a placeholder is found across chunks, and only there", () => {
  for (let cut = 0; cut <= 6; cut++) {
    const find = createFinder(["secret", "other"]);
    const found = [find(Buffer.from(`x${"secret".slice(0, cut)}`)), find(Buffer.from(`${"secret".slice(cut)}x`))];
    expect(found.filter((each) => each !== undefined)).toEqual(["secret"]);
  }
  expect(createFinder(["secret"])(Buffer.from("secre"))).toBeUndefined();
});

test("text goes on at a pause, and the rest of a value that began before it is replaced", () => {
  for (let cut = 1; cut < value.length; cut++) {
    const scrubber = createScrubber(forms);
    const parts = [scrubber.push(Buffer.from(`x${value.slice(0, cut)}`)), scrubber.pause()];
    expect(Buffer.concat(parts).toString()).toBe(`x${value.slice(0, cut)}`);
    parts.push(scrubber.push(Buffer.from(`${value.slice(cut)}y\n${value}`)), scrubber.pause(), scrubber.end());
    expect(Buffer.concat(parts).toString()).toBe(`x${value.slice(0, cut)}PLACEHOLDERy\nPLACEHOLDER`);
  }
});

test("a value in three pieces with pauses between them does not go on whole, and text around it is unchanged", () => {
  const scrubber = createScrubber(forms);
  const pieces = ["one ", value.slice(0, 4), value.slice(4, 9), value.slice(9), " two", " three"];
  const sent = pieces.flatMap((piece) => [scrubber.push(Buffer.from(piece)), scrubber.pause()]);
  const text = Buffer.concat([...sent, scrubber.end()]).toString();
  expect(text).not.toContain(value);
  expect(text).toBe(`one ${value.slice(0, 9)}PLACEHOLDER two three`);
});
