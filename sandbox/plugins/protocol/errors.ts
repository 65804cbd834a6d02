// How a provider reports failures to the engine: as one line, and with the resource's state where the resource exists.
import * as grpc from "@grpc/grpc-js";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { toStruct } from "./messages";
import type { Properties } from "./values";

/**
 * The resource exists, but did not become what was asked for. The engine keeps its state, says why, and updates it in
 * the next run.
 */
export class InitializationFailed extends Error {
    constructor(
        readonly reason: string,
        readonly id: string,
        readonly state: Properties,
        readonly inputs: Properties,
    ) {
        super(reason);
    }
}

/** An error as gRPC sends it. No stack: the engine shows the text to a user. */
export function serviceError(error: unknown): grpc.ServerErrorResponse {
    const message = error instanceof Error ? error.message : String(error);
    const failed = { name: "Error", code: grpc.status.UNKNOWN, message, details: message };
    return error instanceof InitializationFailed ? { ...failed, metadata: initializationDetails(error) } : failed;
}

// Structured details of a gRPC error travel as a Status message in this header.
function initializationDetails({ reason, id, state, inputs }: InitializationFailed): grpc.Metadata {
    const detail = new ErrorResourceInitFailed();
    detail.setId(id);
    detail.setProperties(toStruct(state));
    detail.setInputs(toStruct(inputs));
    detail.setReasonsList([reason]);
    const any = new Any();
    any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const status = new Status();
    status.setCode(grpc.status.UNKNOWN);
    status.setMessage(reason);
    status.addDetails(any);
    const metadata = new grpc.Metadata();
    metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
    return metadata;
}
