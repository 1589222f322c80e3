// Certificates in the proxy's memory: those of an authority go with it.
import { randomBytes } from "node:crypto";
import { expect, onTestFinished, test, vi } from "vitest";
import { createCertificates } from "../../src/egress/certificates.ts";
import { makeCa } from "../../src/steps/egress/certificates.ts";

const minuteMs = 60_000;

test("a host's certificate is kept for as long as the authority that signed it, and no longer", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const now = () => new Date();
  let { ca } = await makeCa("a workspace", now(), randomBytes);
  const certificates = createCertificates(async () => ca, { now, random: randomBytes });
  const before = await certificates.contextFor("a workspace", "api.example.com");
  vi.advanceTimersByTime(11 * minuteMs);
  expect(await certificates.contextFor("a workspace", "api.example.com")).toBe(before);
  expect(await certificates.authority("a workspace")).toBe(ca.certificate);

  ({ ca } = await makeCa("a workspace", now(), randomBytes));
  vi.advanceTimersByTime(11 * minuteMs);
  expect(await certificates.authority("a workspace")).toBe(ca.certificate);
  expect(await certificates.contextFor("a workspace", "api.example.com")).not.toBe(before);
});
