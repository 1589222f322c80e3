// The types that messages hold in a google.protobuf.Any: the details of errors.
import { createRegistry } from "@bufbuild/protobuf";
import { file_google_rpc_error_details } from "../../../gen/google/rpc/error_details_pb.ts";

export const anyTypes = createRegistry(file_google_rpc_error_details);
