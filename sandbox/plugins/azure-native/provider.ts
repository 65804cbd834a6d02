// The azure-native provider: the engine's requests, answered by Azure Resource Manager.
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { compare, firstName } from "../protocol/diff";
import { InitializationFailed } from "../protocol/errors";
import { checkResponse, diffResponse, toProperties, toStruct } from "../protocol/messages";
import type { Provider } from "../protocol/server";
import { type Properties, type Value, plainProperties } from "../protocol/values";
import { resolveAccount } from "./account";
import { type Connection, OperationFailed, ReadFailed, RequestFailed, ResourceManager } from "./arm";
import { checkType } from "./check";
import type { Setting } from "./cloud";
import { invokeFunction } from "./functions";
import { carryOver } from "../protocol/refresh";
import { isSameId, isSameInput } from "./leniency";
import { ResourceType } from "./resourceType";
import { outputsAsInputs, previewOutputs, toInputs, toOutputs, toRequest } from "./shape";

/** How long an operation may take where the program says nothing, in seconds; as long as the official plugin allows. */
const DEFAULT_TIMEOUT = 2 * 60 * 60;

/** Outputs of the state that an update cannot change, so that a preview knows them. */
const STABLE_OUTPUTS = ["name", "location"];

/** The API version of a resource: an input of every resource since version 3 of the official plugin, and an output. */
const API_VERSION = "azureApiVersion";

/** Serves the types and functions in schema/resources.ts. */
export class AzureNative implements Provider {
    private readonly cancellation = new AbortController();
    private configuration: Map<string, string> = new Map();
    private connected: Promise<Connection> | undefined;

    constructor(readonly version: string) {}

    configure(request: messages.ConfigureRequest): void {
        const entries = request.getVariablesMap().getEntryList();
        this.configuration = new Map(entries.map(([key, value]) => [key.replace("azure-native:config:", ""), value]));
    }

    check(request: messages.CheckRequest): Promise<messages.CheckResponse> {
        const type = typeOf(request.getUrn());
        const news = plainProperties(toProperties(request.getNews()));
        const name = request.getUrn().split("::").pop() as string;
        const seed = request.getRandomseed_asU8();
        const inputs: Properties = {
            [API_VERSION]: type.spec.apiVersion,
            ...news,
            ...type.named(name, seed, news, plainProperties(toProperties(request.getOlds()))),
        };
        const location = this.setting("location");
        if (!("location" in inputs) && location) {
            inputs.location = location;
        }
        return Promise.resolve(checkResponse(inputs, type.failures(inputs, checkType)));
    }

    diff(request: messages.DiffRequest): Promise<messages.DiffResponse> {
        const type = typeOf(request.getUrn());
        const state = plainProperties(toProperties(request.getOlds()));
        const before = plainProperties(toProperties(request.getOldInputs()));
        const after = plainProperties(toProperties(request.getNews()));
        // Inputs of an import, and those of version 2, do not say which API version the resource has.
        if (!(API_VERSION in before) && API_VERSION in state) {
            before[API_VERSION] = state[API_VERSION];
        }
        const changes = compare(before, after, isSameId);
        for (const name of changes.keys()) {
            if (isSameInput(name, before[name], after[name])) {
                changes.delete(name);
            }
        }
        const response = diffResponse(changes, (path, change) => {
            // An input that says at last what the resource has anyway changes nothing.
            const isSaidAnyway = change === "add" && after[path] !== undefined && after[path] === state[path];
            return type.replaces(firstName(path)) && !isSaidAnyway;
        });
        return Promise.resolve(response);
    }

    async create(request: messages.CreateRequest): Promise<messages.CreateResponse> {
        const type = typeOf(request.getUrn());
        const inputs = plainProperties(toProperties(request.getProperties()));
        const response = new messages.CreateResponse();
        if (request.getPreview()) {
            response.setProperties(toStruct(previewOutputs(type.spec, inputs)));
            return response;
        }
        const { account, arm } = await this.connect();
        const id = type.id(account.subscriptionId, inputs);
        const signal = this.deadline(request.getTimeout());
        await ensureAbsent(arm, type, id, signal);
        const body = toRequest(type.spec, inputs, {});
        const answer = await this.write(type, id, inputs, signal, () => arm.put(id, body, query(type), signal));
        response.setId(answer.id as string);
        response.setProperties(toStruct(state(type, answer)));
        return response;
    }

    async read(request: messages.ReadRequest): Promise<messages.ReadResponse> {
        const type = typeOf(request.getUrn());
        const { arm } = await this.connect();
        const id = request.getId();
        const answer = await arm.get(id, query(type), this.deadline(request.getTimeout()));
        const response = new messages.ReadResponse();
        if (!answer) {
            return response;
        }
        const inputs = request.hasInputs() ? plainProperties(toProperties(request.getInputs())) : undefined;
        const olds = plainProperties(toProperties(request.getProperties()));
        response.setId(id);
        response.setProperties(toStruct(state(type, answer)));
        response.setInputs(toStruct(readInputs(type, id, answer, inputs, olds)));
        return response;
    }

    async update(request: messages.UpdateRequest): Promise<messages.UpdateResponse> {
        const type = typeOf(request.getUrn());
        const inputs = plainProperties(toProperties(request.getNews()));
        const response = new messages.UpdateResponse();
        if (request.getPreview()) {
            const before = plainProperties(toProperties(request.getOlds()));
            const stable = STABLE_OUTPUTS.filter((name) => name in before).map((name) => [name, before[name]] as const);
            response.setProperties(toStruct({ ...previewOutputs(type.spec, inputs), ...Object.fromEntries(stable) }));
            return response;
        }
        const { account, arm } = await this.connect();
        // From the inputs and the provider's own subscription, and not the id in the state.
        const id = type.id(account.subscriptionId, inputs);
        const signal = this.deadline(request.getTimeout());
        const body = toRequest(type.spec, inputs, plainProperties(toProperties(request.getOldInputs())));
        // Only a removed member of a set is null, and only a merge takes it off.
        const method = containsNull(body) ? "patch" : "put";
        const answer = await this.write(type, id, inputs, signal, () => arm[method](id, body, query(type), signal));
        response.setProperties(toStruct(state(type, answer)));
        return response;
    }

    async delete(request: messages.DeleteRequest): Promise<void> {
        const type = typeOf(request.getUrn());
        const { arm } = await this.connect();
        await arm.delete(request.getId(), query(type), this.deadline(request.getTimeout()));
    }

    async invoke(request: messages.InvokeRequest): Promise<messages.InvokeResponse> {
        const args = plainProperties(toProperties(request.getArgs()));
        const result = await invokeFunction(request.getTok(), args, await this.connect(), this.deadline(0));
        const response = new messages.InvokeResponse();
        response.setReturn(toStruct(result));
        return response;
    }

    cancel(): void {
        this.cancellation.abort(new Error("context canceled"));
    }

    // Resolved at the first request to Azure: a preview that needs none needs no credentials either.
    private connect(): Promise<Connection> {
        const setting: Setting = (name, ...variables) => this.setting(name, ...variables);
        this.connected ??= resolveAccount(setting).then((account) => ({ account, arm: new ResourceManager(account) }));
        return this.connected;
    }

    private setting(name: string, ...variables: string[]): string | undefined {
        const values = [this.configuration.get(name), ...variables.map((variable) => process.env[variable])];
        return values.find((value) => value !== undefined && value !== "");
    }

    private deadline(seconds: number): AbortSignal {
        const timeout = new AbortController();
        const late = () => timeout.abort(new Error("context deadline exceeded"));
        setTimeout(late, (seconds || DEFAULT_TIMEOUT) * 1000).unref();
        return AbortSignal.any([this.cancellation.signal, timeout.signal]);
    }

    // A resource that exists after a failure is kept in the state as what it is, so that the next run can mend it. It
    // is read with the operation's own time and signal: after a cancel or past customTimeouts the read fails as well,
    // and the state has the id and the inputs, and no outputs.
    private async write(
        type: ResourceType,
        id: string,
        inputs: Properties,
        signal: AbortSignal,
        send: () => Promise<Properties>,
    ): Promise<Properties> {
        try {
            return await send();
        } catch (error) {
            if (error instanceof ReadFailed) {
                console.error(
                    `Failed to read resource after Create/Update. Please report this issue: ${error.message}`,
                );
                return error.answer;
            }
            if (!(error instanceof OperationFailed)) {
                throw error;
            }
            const { arm } = await this.connect();
            let answer: Properties | undefined;
            try {
                answer = await arm.get(id, query(type), signal);
            } catch (unread) {
                const reason = `resource created but read failed ${messageOf(unread)}: ${error.message}`;
                throw new InitializationFailed(reason, id, {}, inputs);
            }
            throw answer ? new InitializationFailed(error.message, id, state(type, answer), inputs) : error;
        }
    }
}

async function ensureAbsent(arm: ResourceManager, type: ResourceType, id: string, signal: AbortSignal): Promise<void> {
    let found: Properties | undefined;
    try {
        found = await arm.get(id, query(type), signal);
    } catch (error) {
        throw error instanceof RequestFailed
            ? new Error(
                  `cannot check existence of resource '${id}': status code ${error.status}, ${JSON.stringify(error.body)}`,
                  { cause: error },
              )
            : error;
    }
    if (found) {
        throw new Error(`cannot create already existing resource '${id}'`);
    }
}

function typeOf(urn: string): ResourceType {
    const token = urn.split("::")[2].split("$").pop() as string;
    const type = ResourceType.find(token);
    if (!type) {
        throw new Error(`resource type ${token} is not served by the sandbox's azure-native`);
    }
    return type;
}

function query(type: ResourceType) {
    return { "api-version": type.spec.apiVersion };
}

function state(type: ResourceType, answer: Properties): Properties {
    return { ...toOutputs(type.spec, answer), [API_VERSION]: type.spec.apiVersion };
}

// Without inputs this is an import: all that the resource has and a program could say. With them, what the program said
// stays, but for what was changed in Azure.
function readInputs(
    type: ResourceType,
    id: string,
    answer: Properties,
    inputs: Properties | undefined,
    olds: Properties,
): Properties {
    if (!inputs) {
        return { ...type.parametersOf(id), ...toInputs(type.spec, answer) };
    }
    const after = toOutputs(type.spec, answer);
    return carryOver(inputs, outputsAsInputs(type.spec, olds), outputsAsInputs(type.spec, after));
}

function containsNull(value: Value): boolean {
    return value === null || (typeof value === "object" && Object.values(value).some(containsNull));
}

function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
