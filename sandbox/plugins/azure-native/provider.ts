// The azure-native provider: the engine's requests, answered by Azure Resource Manager.
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { compare, firstName } from "../protocol/diff";
import { InitializationFailed } from "../protocol/errors";
import { checkResponse, diffResponse, toProperties, toStruct } from "../protocol/messages";
import type { Provider } from "../protocol/server";
import {
    type Properties,
    plain,
    plainProperties,
    propertiesWithSecretsOf,
    isProperties,
    secret,
} from "../protocol/values";
import { type Account, type Setting, resolveAccount } from "./account";
import { OperationFailed, ResourceManager } from "./arm";
import { checkType } from "./check";
import { invokeFunction } from "./functions";
import { carryOver } from "../protocol/refresh";
import { ResourceType, isSameLocation } from "./resourceType";
import { outputsAsInputs, previewOutputs, toInputs, toOutputs, toRequest } from "./shape";

/** How long an operation may take where the program says nothing, in seconds; as long as the official plugin allows. */
const DEFAULT_TIMEOUT = 2 * 60 * 60;

/** Outputs of the state that an update cannot change, so that a preview knows them. */
const STABLE_OUTPUTS = ["name", "location"];

/** Where the inputs are kept in the state. */
const INPUTS = "__inputs";

/** What a request is sent with: the account's own client. */
export interface Connection {
    account: Account;
    arm: ResourceManager;
}

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
        const sent = toProperties(request.getNews());
        const news = plainProperties(sent);
        const name = request.getUrn().split("::").pop() as string;
        const seed = request.getRandomseed_asU8();
        const inputs: Properties = {
            ...news,
            ...type.named(name, seed, news, plainProperties(toProperties(request.getOlds()))),
        };
        const location = this.setting("location");
        if (!("location" in inputs) && location) {
            inputs.location = location;
        }
        const failures = type.failures(inputs, checkType);
        return Promise.resolve(checkResponse(propertiesWithSecretsOf(inputs, sent), failures));
    }

    diff(request: messages.DiffRequest): Promise<messages.DiffResponse> {
        const type = typeOf(request.getUrn());
        const state = plainProperties(toProperties(request.getOlds()));
        const before = inputsOf(state) ?? plainProperties(toProperties(request.getOldInputs()));
        const after = plainProperties(toProperties(request.getNews()));
        const changes = compare(before, after);
        if (changes.get("location") === "update" && isSameLocation(before.location, after.location)) {
            changes.delete("location");
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
        const sent = toProperties(request.getProperties());
        const inputs = plainProperties(sent);
        const response = new messages.CreateResponse();
        if (request.getPreview()) {
            response.setProperties(toStruct(propertiesWithSecretsOf(previewOutputs(type.spec, inputs), sent)));
            return response;
        }
        const { account, arm } = await this.connect();
        const id = type.id(account.subscriptionId, inputs);
        const signal = this.deadline(request.getTimeout());
        if (await arm.get(id, query(type), signal)) {
            throw new Error(`cannot create already existing resource '${id}'`);
        }
        const answer = await this.put(type, id, inputs, sent, signal);
        response.setId(answer.id as string);
        response.setProperties(toStruct(state(type, answer, sent)));
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
        const marked = toProperties(request.getInputs());
        const inputs = propertiesWithSecretsOf(
            readInputs(type, id, answer, toProperties(request.getProperties())),
            marked,
        );
        response.setId(id);
        response.setProperties(toStruct(state(type, answer, inputs)));
        response.setInputs(toStruct(inputs));
        return response;
    }

    async update(request: messages.UpdateRequest): Promise<messages.UpdateResponse> {
        const type = typeOf(request.getUrn());
        const sent = toProperties(request.getNews());
        const inputs = plainProperties(sent);
        const response = new messages.UpdateResponse();
        if (request.getPreview()) {
            const before = plainProperties(toProperties(request.getOlds()));
            const stable = STABLE_OUTPUTS.filter((name) => name in before).map((name) => [name, before[name]] as const);
            const outputs = { ...previewOutputs(type.spec, inputs), ...Object.fromEntries(stable) };
            response.setProperties(toStruct(propertiesWithSecretsOf(outputs, sent)));
            return response;
        }
        const answer = await this.put(type, request.getId(), inputs, sent, this.deadline(request.getTimeout()));
        response.setProperties(toStruct(state(type, answer, sent)));
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
        this.cancellation.abort(new Error("the update was cancelled"));
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
        const limit = seconds || DEFAULT_TIMEOUT;
        const timeout = new AbortController();
        const late = () =>
            timeout.abort(new Error(`it took longer than ${limit} s (customTimeouts can allow for more)`));
        setTimeout(late, limit * 1000).unref();
        return AbortSignal.any([this.cancellation.signal, timeout.signal]);
    }

    // A resource that exists after a failure is kept in the state as what it is, so that the next run can mend it.
    private async put(
        type: ResourceType,
        id: string,
        inputs: Properties,
        sent: Properties,
        signal: AbortSignal,
    ): Promise<Properties> {
        const { arm } = await this.connect();
        try {
            return await arm.put(id, toRequest(type.spec, inputs), query(type), signal);
        } catch (error) {
            if (!(error instanceof OperationFailed)) {
                throw error;
            }
            // Read even when the time is up: what is not in the state is lost.
            const answer = await arm.get(id, query(type), AbortSignal.timeout(60_000)).catch(() => undefined);
            throw answer ? new InitializationFailed(error.message, id, state(type, answer, sent), sent) : error;
        }
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

// Outputs, and the inputs beside them: secret as a whole, since they may hold what was secret in the program.
function state(type: ResourceType, answer: Properties, inputs: Properties): Properties {
    const outputs = { ...toOutputs(type.spec, answer), azureApiVersion: type.spec.apiVersion };
    return { ...propertiesWithSecretsOf(outputs, inputs), [INPUTS]: secret(plain(inputs)) };
}

function inputsOf(state: Properties): Properties | undefined {
    const inputs = state[INPUTS];
    return isProperties(inputs) ? inputs : undefined;
}

// Without a state this is an import: all that the resource has and a program could say. With one, what the program said
// stays, but for what was changed in Azure.
function readInputs(type: ResourceType, id: string, answer: Properties, olds: Properties): Properties {
    const before = plainProperties(olds);
    const inputs = inputsOf(before);
    if (!inputs) {
        return { ...type.parametersOf(id), ...toInputs(type.spec, answer) };
    }
    const after = toOutputs(type.spec, answer);
    return carryOver(inputs, outputsAsInputs(type.spec, before), outputsAsInputs(type.spec, after));
}
