// The kubernetes provider: objects of any kind, by server-side apply.
import { randomBytes } from "node:crypto";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { type Changes, compare } from "../protocol/diff";
import { checkResponse, diffResponse, toProperties, toStruct } from "../protocol/messages";
import { carryOver } from "../protocol/refresh";
import type { Provider } from "../protocol/server";
import {
    type Properties,
    isProperties,
    isUnknown,
    plainProperties,
    propertiesWithSecretsOf,
    secret,
    type Value,
} from "../protocol/values";
import { ApiFailed, type ObjectApi, type ObjectReference } from "./api";
import { connect } from "./connect";
import { isImmutable } from "./immutable";
import * as objects from "./objects";

const INPUTS = "__inputs";
/** The owner of the fields that the program says. One name for all runs, so that any of them can take fields away again. */
const MANAGER = "pulumi-kubernetes";
/** How long an object may take to be gone, in seconds, where the program says nothing. */
const DELETION_TIMEOUT = 600;
const POLLING_INTERVAL = 250;

/** Serves every kind that the cluster has, but lists and patches. */
export class Kubernetes implements Provider {
    readonly acceptsSecrets = true;
    private readonly cancellation = new AbortController();
    private configuration = new Map<string, string>();
    private connected: ObjectApi | undefined;

    constructor(readonly version: string) {}

    configure(request: messages.ConfigureRequest): void {
        const entries = request.getVariablesMap().getEntryList();
        this.configuration = new Map(entries.map(([key, value]) => [key.replace("kubernetes:config:", ""), value]));
    }

    check(request: messages.CheckRequest): Promise<messages.CheckResponse> {
        const sent = toProperties(request.getNews());
        const kind = objects.kindOfToken(typeToken(request.getUrn()));
        const inputs: Properties = { ...plainProperties(sent), ...kind };
        const metadata = objects.metadataOf(inputs);
        if (!("name" in metadata) && !isUnknown(inputs.metadata)) {
            inputs.metadata = this.named(request, metadata);
        }
        return Promise.resolve(checkResponse(propertiesWithSecretsOf(inputs, sent), []));
    }

    diff(request: messages.DiffRequest): Promise<messages.DiffResponse> {
        const state = plainProperties(toProperties(request.getOlds()));
        const before = inputsOf(state) ?? plainProperties(toProperties(request.getOldInputs()));
        const after = plainProperties(toProperties(request.getNews()));
        const changes = this.withoutDefaultNamespace(compare(before, after), state, after);
        const { kind } = objects.referenceOf(after);
        const response = diffResponse(changes, (path) => isImmutable(kind, path));
        // A new name or namespace lets the new object come before the old one goes.
        const isElsewhere = changes.has("metadata.name") || changes.has("metadata.namespace");
        response.setDeletebeforereplace(response.getReplacesList().length > 0 && !isElsewhere);
        return Promise.resolve(response);
    }

    async create(request: messages.CreateRequest): Promise<messages.CreateResponse> {
        const sent = toProperties(request.getProperties());
        const inputs = plainProperties(sent);
        const response = new messages.CreateResponse();
        if (request.getPreview()) {
            const outputs = propertiesWithSecretsOf(await this.preview(inputs), sent);
            response.setProperties(toStruct(objects.withSecretData(outputs)));
            return response;
        }
        const live = await this.apply(inputs);
        response.setId(objects.idOf(objects.referenceOf(live)));
        response.setProperties(toStruct(stateOf(live, sent)));
        return response;
    }

    async read(request: messages.ReadRequest): Promise<messages.ReadResponse> {
        const reference = objects.referenceOfId(objects.kindOfToken(typeToken(request.getUrn())), request.getId());
        const response = new messages.ReadResponse();
        const live = await this.api().find(reference);
        if (!live) {
            return response;
        }
        const olds = plainProperties(toProperties(request.getProperties()));
        const known = inputsOf(olds);
        const inputs = known
            ? carryOver(known, objects.partOf(olds, known), objects.partOf(live, known))
            : objects.inputsOfLive(live);
        const marked = objects.withSecretData(propertiesWithSecretsOf(inputs, toProperties(request.getInputs())));
        response.setId(request.getId());
        response.setProperties(toStruct(stateOf(live, marked)));
        response.setInputs(toStruct(marked));
        return response;
    }

    async update(request: messages.UpdateRequest): Promise<messages.UpdateResponse> {
        const sent = toProperties(request.getNews());
        const inputs = plainProperties(sent);
        const response = new messages.UpdateResponse();
        if (request.getPreview()) {
            const outputs = propertiesWithSecretsOf(await this.preview(inputs), sent);
            response.setProperties(toStruct(objects.withSecretData(outputs)));
            return response;
        }
        response.setProperties(toStruct(stateOf(await this.apply(inputs), sent)));
        return response;
    }

    /** Deletes the object, and waits until it is really gone: finalizers and pods take their time. */
    async delete(request: messages.DeleteRequest): Promise<void> {
        const reference = objects.referenceOfId(objects.kindOfToken(typeToken(request.getUrn())), request.getId());
        const seconds = request.getTimeout() || DELETION_TIMEOUT;
        const end = Date.now() + seconds * 1000;
        await this.api().remove(reference);
        while (await this.api().find(reference)) {
            this.cancellation.signal.throwIfAborted();
            if (Date.now() > end) {
                throw new Error(`${reference.kind} ${request.getId()} is still there ${seconds} s after its deletion`);
            }
            await new Promise((resolve) => setTimeout(resolve, POLLING_INTERVAL));
        }
    }

    invoke(request: messages.InvokeRequest): Promise<messages.InvokeResponse> {
        throw new Error(`function ${request.getTok()} is not served by the sandbox's kubernetes`);
    }

    cancel(): void {
        this.cancellation.abort(new Error("the update was cancelled"));
    }

    private api(): ObjectApi {
        this.connected ??= connect((name) => this.configuration.get(name) || undefined);
        return this.connected;
    }

    private async apply(inputs: Properties): Promise<Properties> {
        const reference = objects.referenceOf(inputs);
        try {
            return await this.api().apply(inputs, reference, MANAGER, false);
        } catch (error) {
            throw new Error(describe(reference, error), { cause: error });
        }
    }

    // The API server says what would become of the object, unless something in it, or around it, is not there yet.
    private async preview(inputs: Properties): Promise<Properties> {
        const reference = objects.referenceOf(inputs);
        if (reference.name === "" || containsUnknown(inputs)) {
            return inputs;
        }
        try {
            return objects.outputsOf(await this.api().apply(inputs, reference, MANAGER, true));
        } catch (error) {
            // The namespace or the kind may be made in the same update.
            if (error instanceof ApiFailed && error.status === 404) {
                return inputs;
            }
            throw new Error(describe(reference, error), { cause: error });
        }
    }

    private named(request: messages.CheckRequest, metadata: Properties): Properties {
        const logicalName = (request.getUrn().split("::").pop() as string).toLowerCase();
        const before = objects.metadataOf(plainProperties(toProperties(request.getOlds())));
        const seed = Buffer.from(request.getRandomseed_asU8());
        const digits = (seed.length >= 4 ? seed : randomBytes(4)).toString("hex").slice(0, 8);
        const isKept = isProperties(before.annotations) && objects.AUTONAMED in before.annotations;
        return {
            ...metadata,
            name: isKept ? before.name : `${logicalName}-${digits}`,
            annotations: { ...(metadata.annotations as Properties | undefined), [objects.AUTONAMED]: "true" },
        };
    }

    // Saying at last the namespace that the object is in anyway is no change.
    private withoutDefaultNamespace(changes: Changes, state: Properties, after: Properties): Changes {
        const { namespace } = objects.metadataOf(state);
        const said = objects.metadataOf(after).namespace;
        if (changes.get("metadata.namespace") === "add" && said === namespace) {
            changes.delete("metadata.namespace");
        }
        return changes;
    }
}

function typeToken(urn: string): string {
    return urn.split("::")[2].split("$").pop() as string;
}

function stateOf(live: Properties, sent: Properties): Properties {
    return {
        ...objects.withSecretData(propertiesWithSecretsOf(objects.outputsOf(live), sent)),
        [INPUTS]: secret(plainProperties(sent)),
    };
}

function inputsOf(state: Properties): Properties | undefined {
    return isProperties(state[INPUTS]) ? state[INPUTS] : undefined;
}

function containsUnknown(value: Value): boolean {
    if (Array.isArray(value)) {
        return value.some(containsUnknown);
    }
    return isProperties(value) ? Object.values(value).some(containsUnknown) : isUnknown(value);
}

function describe(reference: ObjectReference, error: unknown): string {
    const what = `${reference.kind} ${objects.idOf(reference)}`;
    return `${what}: ${error instanceof Error ? error.message : String(error)}`;
}
