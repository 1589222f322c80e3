// Fills .proto-deps/ with the third-party schemas that proto/ imports, from the locked npm packages, so that buf works offline.
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printProto } from "./print-proto.ts";

const root = join(import.meta.dirname, "..");
const target = join(root, ".proto-deps");

const copied: [from: string, to: string][] = [
  ...googleFiles("api", ["annotations", "http"]),
  ...googleFiles("rpc", ["code", "error_details", "status"]),
  ["grpc-health-check/proto/health/v1/health.proto", "grpc/health/v1/health.proto"],
  ...["v1", "v1alpha"].map((version): [string, string] => {
    const path = `grpc/reflection/${version}/reflection.proto`;
    return [`@grpc/reflection/build/proto/${path}`, path];
  }),
];

function googleFiles(folder: string, names: string[]): [string, string][] {
  return names.map((name) => {
    const path = `google/${folder}/${name}.proto`;
    return [`google-gax/build/protos/${path}`, path];
  });
}

function targetOf(path: string): string {
  const copy = join(target, path);
  mkdirSync(dirname(copy), { recursive: true });
  return copy;
}

rmSync(target, { recursive: true, force: true });
for (const [from, to] of copied) cpSync(join(root, "node_modules", from), targetOf(to));
// buf/validate/validate.proto is in no npm package, but its descriptor is.
writeFileSync(targetOf("buf/validate/validate.proto"), printProto(file_buf_validate_validate));
