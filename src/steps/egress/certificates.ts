// Makes the certificate of a workspace's authority and short-lived certificates for hosts, with ECDSA P-256.
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
/** The clock of a sandbox may be late by this. */
const lateMs = 10 * minuteMs;
/** Together with `lateMs` well below 24 hours. */
export const leafLifeMs = 12 * hourMs;

export interface Ca {
  /** PEM. */
  certificate: string;
  key: webcrypto.CryptoKey;
}

/** Makes an authority. The caller overwrites its key, which is in PKCS #8. */
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

/** The key pair of all host certificates of a process. */
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

/** Returns a certificate for one host in PEM. */
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

/** Returns a positive number of exactly 16 bytes. */
function serialNumber(random: RandomBytes): string {
  const bytes = Buffer.from(random(16));
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString("hex");
}
