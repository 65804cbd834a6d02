// A provider plugin in a separate process, spoken to over gRPC as the engine does.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as path from "node:path";
import * as readline from "node:readline";
import * as grpc from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { toProperties, toStruct } from "../../sandbox/plugins/protocol/messages";
import type { Properties } from "../../sandbox/plugins/protocol/values";

type Reply<T> = (error: grpc.ServiceError | null, value: T) => void;

/** What the engine would store of a resource. */
export interface State {
    id: string;
    outputs: Properties;
}

/** A resource that exists, but whose operation failed: what the error carries. */
export interface Unfinished extends State {
    message: string;
    reasons: string[];
}

/** A running plugin. */
export class PluginProcess {
    /** Whether the plugin wants secrets marked. */
    acceptsSecrets = false;

    private constructor(
        private readonly child: ChildProcess,
        private readonly client: ResourceProviderClient,
        /** Where it listens. */
        readonly address: string,
    ) {}

    /** Starts a plugin from its source and configures it. */
    static async start(name: string, env: NodeJS.ProcessEnv, config: Record<string, string> = {}) {
        const main = path.resolve(__dirname, "../../sandbox/plugins", name, "main.ts");
        const child = spawn(process.execPath, ["--require", "esbuild-register", main, "127.0.0.1:1"], {
            env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
            stdio: ["pipe", "pipe", "inherit"],
        });
        const lines = readline.createInterface({ input: child.stdout });
        const port = await new Promise<string>((resolve, reject) => {
            lines.once("line", resolve);
            child.once("exit", (code) => reject(new Error(`the plugin ended with ${code}`)));
        });
        const address = `127.0.0.1:${port}`;
        const client = new ResourceProviderClient(address, grpc.credentials.createInsecure());
        const plugin = new PluginProcess(child, client, address);
        await plugin.configure(name, config);
        return plugin;
    }

    stop(): void {
        this.client.close();
        this.child.kill();
    }

    /** Asks the plugin to leave as the engine does, by SIGINT; resolves with its exit code. */
    async leave(): Promise<number | null> {
        const exit = once(this.child, "exit");
        this.child.kill("SIGINT");
        const [code] = (await exit) as [number | null];
        return code;
    }

    async check(urn: string, news: Properties, olds: Properties = {}) {
        const request = new messages.CheckRequest();
        request.setUrn(urn);
        request.setNews(toStruct(news));
        request.setOlds(toStruct(olds));
        const response = await call<messages.CheckResponse>((reply) => this.client.check(request, reply));
        const failures = response.getFailuresList().map((failure) => failure.getReason());
        return { inputs: toProperties(response.getInputs()), failures };
    }

    /** Changed paths with their kind, such as `UPDATE_REPLACE`, and what needs a new resource. */
    async diff(urn: string, before: State & { inputs: Properties }, news: Properties) {
        const request = new messages.DiffRequest();
        request.setUrn(urn);
        request.setId(before.id);
        request.setOlds(toStruct(before.outputs));
        request.setOldInputs(toStruct(before.inputs));
        request.setNews(toStruct(news));
        const response = await call<messages.DiffResponse>((reply) => this.client.diff(request, reply));
        const kinds: [string, number | string][] = Object.entries(messages.PropertyDiff.Kind);
        const detailed: Record<string, string> = {};
        response.getDetaileddiffMap().forEach((change, at) => {
            const kind = kinds.find(([, value]) => value === Number(change.getKind()));
            detailed[at] = kind?.[0] ?? "";
        });
        return {
            changes: response.getChanges() === messages.DiffResponse.DiffChanges.DIFF_SOME,
            detailed,
            replaces: response.getReplacesList(),
            deleteBeforeReplace: response.getDeletebeforereplace(),
        };
    }

    async create(
        urn: string,
        inputs: Properties,
        options: { preview?: boolean; timeout?: number } = {},
    ): Promise<State> {
        const request = new messages.CreateRequest();
        request.setUrn(urn);
        request.setProperties(toStruct(inputs));
        request.setPreview(options.preview ?? false);
        request.setTimeout(options.timeout ?? 0);
        const response = await call<messages.CreateResponse>((reply) => this.client.create(request, reply));
        return { id: response.getId(), outputs: toProperties(response.getProperties()) };
    }

    async update(
        urn: string,
        before: State & { inputs?: Properties },
        news: Properties,
        options: { preview?: boolean } = {},
    ): Promise<State> {
        const request = new messages.UpdateRequest();
        request.setUrn(urn);
        request.setId(before.id);
        request.setOlds(toStruct(before.outputs));
        request.setOldInputs(toStruct(before.inputs ?? {}));
        request.setNews(toStruct(news));
        request.setPreview(options.preview ?? false);
        const response = await call<messages.UpdateResponse>((reply) => this.client.update(request, reply));
        return { id: before.id, outputs: toProperties(response.getProperties()) };
    }

    /** Without outputs an import, with them a refresh. */
    async read(urn: string, id: string, outputs?: Properties, inputs?: Properties) {
        const request = new messages.ReadRequest();
        request.setUrn(urn);
        request.setId(id);
        request.setProperties(outputs && toStruct(outputs));
        request.setInputs(inputs && toStruct(inputs));
        const response = await call<messages.ReadResponse>((reply) => this.client.read(request, reply));
        return {
            id: response.getId(),
            outputs: toProperties(response.getProperties()),
            inputs: toProperties(response.getInputs()),
        };
    }

    async delete(urn: string, state: State): Promise<void> {
        const request = new messages.DeleteRequest();
        request.setUrn(urn);
        request.setId(state.id);
        request.setProperties(toStruct(state.outputs));
        await call<Empty>((reply) => this.client.delete(request, reply));
    }

    async invoke(token: string, args: Properties): Promise<Properties> {
        const request = new messages.InvokeRequest();
        request.setTok(token);
        request.setArgs(toStruct(args));
        const response = await call<messages.InvokeResponse>((reply) => this.client.invoke(request, reply));
        return toProperties(response.getReturn());
    }

    async cancel(): Promise<void> {
        await call<Empty>((reply) => this.client.cancel(new Empty(), reply));
    }

    private async configure(name: string, config: Record<string, string>): Promise<void> {
        const request = new messages.ConfigureRequest();
        for (const [key, value] of Object.entries(config)) {
            request.getVariablesMap().set(`${name}:config:${key}`, value);
        }
        request.setAcceptsecrets(true);
        const response = await call<messages.ConfigureResponse>((reply) => this.client.configure(request, reply));
        this.acceptsSecrets = response.getAcceptsecrets();
    }
}

/** A URN of a type, as the engine makes them. */
export function urn(type: string, name = "it"): string {
    return `urn:pulumi:test::kamino::${type}::${name}`;
}

/** The state that an error carries: that of a resource which exists, but whose operation failed. */
export function unfinished(error: unknown): Unfinished | undefined {
    const { metadata, details } = error as grpc.ServiceError;
    const [bytes] = metadata.get("grpc-status-details-bin");
    if (!(bytes instanceof Uint8Array)) {
        return undefined;
    }
    const [detail] = Status.deserializeBinary(bytes).getDetailsList();
    const failed = messages.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
    return {
        id: failed.getId(),
        outputs: toProperties(failed.getProperties()),
        reasons: failed.getReasonsList(),
        message: details,
    };
}

function call<T>(send: (reply: Reply<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
        send((error, value) => (error ? reject(error) : resolve(value)));
    });
}
