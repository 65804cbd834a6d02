// Between gRPC messages of the provider protocol and plain values.
import { CheckFailure, CheckResponse, DiffResponse, PropertyDiff } from "@pulumi/pulumi/proto/provider_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { type Change, type Changes, firstName } from "./diff";
import type { Properties } from "./values";

/** The properties in a message; none where it has none. */
export function toProperties(struct: Struct | undefined): Properties {
    return struct?.toJavaScript() ?? {};
}

/** Properties for a message. */
export function toStruct(properties: Properties): Struct {
    return Struct.fromJavaScript(properties);
}

/** Why a resource's inputs are refused, by property. */
export interface Failure {
    property: string;
    reason: string;
}

/** The answer to Check. */
export function checkResponse(inputs: Properties, failures: Failure[]): CheckResponse {
    const response = new CheckResponse();
    response.setInputs(toStruct(inputs));
    response.setFailuresList(
        failures.map(({ property, reason }) => {
            const failure = new CheckFailure();
            failure.setProperty(property);
            failure.setReason(reason);
            return failure;
        }),
    );
    return response;
}

const { Kind } = PropertyDiff;
const UPDATING: Record<Change, PropertyDiff.Kind> = { add: Kind.ADD, delete: Kind.DELETE, update: Kind.UPDATE };
const REPLACING: Record<Change, PropertyDiff.Kind> = {
    add: Kind.ADD_REPLACE,
    delete: Kind.DELETE_REPLACE,
    update: Kind.UPDATE_REPLACE,
};

/**
 * The answer to Diff, with every changed property named.
 *
 * @param replaces whether a change at a path needs a new resource; then the old one is deleted first, as names are the
 *     same
 */
export function diffResponse(changes: Changes, replaces: (path: string, change: Change) => boolean): DiffResponse {
    const response = new DiffResponse();
    response.setChanges(changes.size > 0 ? DiffResponse.DiffChanges.DIFF_SOME : DiffResponse.DiffChanges.DIFF_NONE);
    response.setHasdetaileddiff(true);
    const replacing: string[] = [];
    for (const [path, change] of changes) {
        const difference = new PropertyDiff();
        const isReplacing = replaces(path, change);
        difference.setKind((isReplacing ? REPLACING : UPDATING)[change]);
        difference.setInputdiff(true);
        response.getDetaileddiffMap().set(path, difference);
        if (isReplacing) {
            replacing.push(path);
        }
    }
    response.setDiffsList([...new Set([...changes.keys()].map(firstName))]);
    response.setReplacesList(replacing);
    response.setDeletebeforereplace(replacing.length > 0);
    return response;
}
