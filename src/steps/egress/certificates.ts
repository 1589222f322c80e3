// Certificates: a workspace's own authority, and short-lived ones for single hosts. ECDSA with P-256 throughout.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { RandomBytes } from "../../domain/random.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const caYears = 10;
/** Clocks of sandboxes may be late by this. */
const lateMs = 10 * minuteMs;
/** With `lateMs` well below 24 hours. */
export const leafLifeMs = 12 * hourMs;

export interface Ca {
  /** PEM. */
  certificate: string;
  key: webcrypto.CryptoKey;
}

/** A new authority, and its key in PKCS #8, which whoever asked overwrites. */
export async function makeCa(name: string, now: Date, random: RandomBytes): Promise<{ ca: Ca; pkcs8: Uint8Array }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + caYears);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(random),
      name: `CN=coffer egress ${name}`,
      notBefore: new Date(now.getTime() - lateMs),
      notAfter,
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto,
  );
  const pkcs8 = new Uint8Array(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  return { ca: { certificate: certificate.toString("pem"), key: keys.privateKey }, pkcs8 };
}

export async function readCa(certificate: string, pkcs8: Uint8Array): Promise<Ca> {
  // A copy of its own buffer: the bytes may be a view of a pool.
  const key = await webcrypto.subtle.importKey("pkcs8", new Uint8Array(pkcs8), algorithm, false, ["sign"]);
  return { certificate, key };
}

/** The key pair that all leaves of a process share. */
export interface LeafKey {
  publicKey: webcrypto.CryptoKey;
  /** PEM. */
  privateKey: string;
}

export async function makeLeafKey(): Promise<LeafKey> {
  const { publicKey, privateKey } = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", privateKey)).toString("base64");
  return { publicKey, privateKey: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n` };
}

/** A certificate for one host, in PEM. */
export async function mintLeaf(
  ca: Ca,
  { publicKey }: LeafKey,
  host: string,
  now: Date,
  random: RandomBytes,
): Promise<string> {
  const issuer = new X509Certificate(ca.certificate);
  const leaf = await X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(random),
      subject: "CN=coffer egress",
      issuer: issuer.subject,
      notBefore: new Date(now.getTime() - lateMs),
      notAfter: new Date(now.getTime() + leafLifeMs),
      signingAlgorithm: algorithm,
      publicKey,
      signingKey: ca.key,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([{ type: "dns", value: host }]),
        await AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
        await SubjectKeyIdentifierExtension.create(publicKey),
      ],
    },
    webcrypto,
  );
  return leaf.toString("pem");
}

/** Positive, and of 16 bytes exactly. */
function serialNumber(random: RandomBytes): string {
  const bytes = Buffer.from(random(16));
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString("hex");
}
