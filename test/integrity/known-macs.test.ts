// MACs of fixed rows under a fixed key: rows that are in a database today must authenticate after any change of the code.
import { describe, expect, it } from "vitest";
import { Sensitive } from "../../src/domain/sensitive.ts";
import { chainEvent, chainStart, sealMac } from "../../src/integrity/audit-chain.ts";
import type { Covered } from "../../src/integrity/covering.ts";
import * as rowMacs from "../../src/integrity/row-macs.ts";
import { knownRows } from "./known-rows.ts";

const keys = { rowMacKey: new Sensitive(new Uint8Array(32).map((_, index) => index)) };
const hex = (mac: Uint8Array) => Buffer.from(mac).toString("hex");

const guards: Readonly<Record<string, unknown>> = { ...rowMacs };

function everyMac(): Record<string, string> {
  const { auditEvent, auditSeal, ...rows } = knownRows;
  const found = Object.entries(rows).flatMap(([name, variants]) =>
    Object.entries(variants).map(([variant, row]) => {
      const guard = guards[name] as (row: unknown) => Covered;
      return [`${name}, ${variant}`, hex(rowMacs.macOf(keys, guard(row)))] as const;
    }),
  );
  const start = chainStart(keys, { workspaceId: "ws_1", sealNumber: 7 }, new Uint8Array([1, 2]));
  return {
    ...Object.fromEntries(found),
    "audit chain, start": hex(start),
    "audit chain, event": hex(chainEvent(keys, start, auditEvent)),
    "audit chain, seal": hex(sealMac(keys, auditSeal, new Uint8Array([3]))),
  };
}

describe("the MAC of a known row", () => {
  it("is the one that coffer has always computed, for every guarded table and every version of its label", () => {
    expect(everyMac()).toEqual({
      "audit chain, event": "dc52c329e00b1a1515cc18136e33f6bdf748ac477360688a513410b30d2512d4",
      "audit chain, seal": "ee5ac5758dc79d61272476541f358f1cf8ecf0443c2bd695b616bebc6a9a3c12",
      "audit chain, start": "191b2005e540ae33e184f4d5e6427ac92314e6c10d3ac45c811d619b6d37276e",
      "coveredOfAccessRule, principal": "8a351bd39358eb4cf2e98de85c5b675338fcb03b28de08660b9d3a7778e58bcd",
      "coveredOfAccessRule, role": "daea18cb5cb6db874b4ec8d568936b7b2f59a8d509422d9c2accdd2b8c2f8084",
      "coveredOfAuditCut, plain": "a4dc1754a64cf4c42686bba3821c9d73022735ce76d650dbbe0392a03dc67880",
      "coveredOfBinding, bound": "714e6ed9aab121a7cd8ed898d4b58e40858baf34e82508c3f37707284062e1a8",
      "coveredOfBinding, plain": "f26e7a5ce137bec650ce0b812bcfeb4258959427dd5a3c50c733e3f2881e79c7",
      "coveredOfCredential, fields": "5cda3f90f801007a87500d5357fbade1b522bcc04d478df7f6bfed47a7e91da3",
      "coveredOfCredential, method": "d5852045fb5c36e6bcf6672434aedc7599ec36b80989c1a61a44cb1e51aa9ce1",
      "coveredOfCredential, plain": "08e46fc0ab568d93720d8198bc9b138c02e00d776f97d619f726bc80130a383e",
      "coveredOfEgressCa, plain": "66d36e4ccbb6b9a5095d5fd7491241b4eab89485fa0c19ba078fdc2de08d6aee",
      "coveredOfEgressRule, plain": "e00136d20bcd7930481f120c5569f9ff9f51da21a7b0bc2cbc8fc47a0c91af7b",
      "coveredOfKmsKey, exportable": "256316ff4a5b63d3c7d4d471b8e51c800054e7df9a143fcda62582acb29e31c9",
      "coveredOfKmsKey, plain": "70467c5761d7fe085245e53c21a62601382de73910928ba5c6850a42c24bcc79",
      "coveredOfMember, plain": "3edb29dbaf47855057c17eae3bf9609ca20db0261b83dfd417576b9bbfec11f2",
      "coveredOfPrincipal, plain": "2a32c106645dedeb7cc2520dbe85039ffc8dbac6df3725d8f930f9cd2bd2f866",
      "coveredOfSandbox, limited": "6174bcc5918903a87c19f78bd961451fd7df8f4ad40b687005be0f9cdebf4f68",
      "coveredOfSandbox, plain": "ca37f949626bfd45cc35fc808a518e0485887cebf3cd97a6da658f4b5a30eca2",
      "coveredOfSecret, full": "2ec22cb48fe4c4f6f4f614a3eb8795f8736ec6f274814150ee9e94d1c5681cb3",
      "coveredOfSecret, plain": "7c3e83e8b75ec76cfd152dd21e528d1e47ccc5196bd966b2eed9a3369910c305",
      "coveredOfToken, full": "7a1138e78d650cb6a872bce35a0c570580c4bc53647ad821b8be85b6517a66b4",
      "coveredOfToken, plain": "1eddbbc7b91721596874606eed071e18a141646e7e897019518a6b28f6ab2f71",
      "coveredOfVaultConnection, plain": "f936d1604c30d7d651d06322a2248f12db84b668cc73285954a6b07782ab5817",
      "coveredOfVersion, plain": "98b7b29e6276b418f8660b937f93f58049db9f334b5ab3d8234080023cf12aab",
      "coveredOfVersion, reference": "2ffc608f4e726838b0de3935526726663e903ba10dc6e42a2367000a7693e58d",
      "coveredOfWorkspace, plain": "e5adf7a819b3cd9b2bdd06d9f67f0ead594adb753052d80c44e05de9ba9371b7",
    });
  });

  it("is known for every guard there is", () => {
    const names = Object.keys(guards).filter((name) => name.startsWith("coveredOf"));
    expect(Object.keys(knownRows)).toEqual(expect.arrayContaining(names));
  });
});
