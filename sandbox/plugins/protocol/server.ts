// Serves a provider to the engine that started this process.
import * as grpc from "@grpc/grpc-js";
import { type IResourceProviderServer, ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { CheckResponse, ConfigureResponse, DiffResponse } from "@pulumi/pulumi/proto/provider_pb";
import type * as messages from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { serviceError } from "./errors";

/** What a provider does; all else of the protocol is the same for every one. */
export interface Provider {
    version: string;
    configure(request: messages.ConfigureRequest): void;
    check(request: messages.CheckRequest): Promise<messages.CheckResponse>;
    diff(request: messages.DiffRequest): Promise<messages.DiffResponse>;
    create(request: messages.CreateRequest): Promise<messages.CreateResponse>;
    read(request: messages.ReadRequest): Promise<messages.ReadResponse>;
    update(request: messages.UpdateRequest): Promise<messages.UpdateResponse>;
    delete(request: messages.DeleteRequest): Promise<void>;
    invoke(request: messages.InvokeRequest): Promise<messages.InvokeResponse>;
    /** Ends whatever is under way, with an error. */
    cancel(): void;
}

// A scale set's or a cluster's state can be far over gRPC's default of 4 MB.
const MESSAGE_LIMIT = 400 * 1024 * 1024;

/** Starts serving on a free loopback port and prints that port, which is how the engine finds it. */
export function serve(provider: Provider): void {
    const server = new grpc.Server({
        "grpc.max_receive_message_length": MESSAGE_LIMIT,
        "grpc.max_send_message_length": MESSAGE_LIMIT,
    });
    // What is left out is answered by gRPC itself: not implemented.
    server.addService(ResourceProviderService, service(provider) as Partial<IResourceProviderServer> as never);
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error) {
            console.error(`no loopback port to listen on: ${error.message}`);
            process.exit(1);
        }
        console.log(String(port));
    });
    const leave = () => {
        provider.cancel();
        process.exit(0);
    };
    process.on("SIGTERM", leave);
    // The engine holds the other end of stdin: its end means that the engine is gone, even after SIGKILL.
    process.stdin.on("end", leave).on("error", leave).resume();
    // SIGINT is how the engine asks a plugin to leave: at the end of every command, and at the second Ctrl-C. It kills
    // a plugin that stays for five seconds. (The first Ctrl-C in a terminal does not arrive here: the engine starts
    // plugins in process groups apart, and sends Cancel.) What is under way ends with an error, and its answer goes out
    // first. gRPC's own shutdown may wait for ever for a connection that the engine is closing at this moment.
    process.on("SIGINT", () => {
        provider.cancel();
        server.tryShutdown(() => process.exit(0));
        void calls.ended().then(() => setTimeout(() => process.exit(0), ANSWER_MS));
    });
}

/** How long the last answer has to go out. */
const ANSWER_MS = 200;

/** The calls that are under way. */
class Calls {
    private readonly all = new Set<Promise<void>>();

    add(call: Promise<void>): void {
        this.all.add(call);
        void call.finally(() => this.all.delete(call));
    }

    async ended(): Promise<void> {
        while (this.all.size > 0) {
            await Promise.all(this.all);
        }
    }
}

const calls = new Calls();

type Handler = grpc.handleUnaryCall<never, unknown>;

function unary<Request, Response>(answer: (request: Request) => Response | Promise<Response>): Handler {
    const handler: grpc.handleUnaryCall<Request, Response> = (call, callback) => {
        const answered = Promise.resolve(call.request)
            .then(answer)
            .then(
                (response) => callback(null, response),
                (error: unknown) => callback(serviceError(error)),
            );
        calls.add(answered);
    };
    return handler;
}

function service(provider: Provider): Record<string, Handler> {
    return {
        checkConfig: unary(unchangedConfiguration),
        diffConfig: unary(() => new DiffResponse()),
        configure: unary((request: messages.ConfigureRequest) => {
            provider.configure(request);
            const response = new ConfigureResponse();
            // Secrets are not accepted: the engine takes their marks off, and marks what comes back by itself.
            response.setSupportspreview(true);
            return response;
        }),
        check: unary((request: messages.CheckRequest) => provider.check(request)),
        diff: unary((request: messages.DiffRequest) => provider.diff(request)),
        create: unary((request: messages.CreateRequest) => provider.create(request)),
        read: unary((request: messages.ReadRequest) => provider.read(request)),
        update: unary((request: messages.UpdateRequest) => provider.update(request)),
        delete: unary(async (request: messages.DeleteRequest) => {
            await provider.delete(request);
            return new Empty();
        }),
        invoke: unary((request: messages.InvokeRequest) => provider.invoke(request)),
        cancel: unary(() => {
            provider.cancel();
            return new Empty();
        }),
        getPluginInfo: unary(() => {
            const info = new PluginInfo();
            info.setVersion(provider.version);
            return info;
        }),
    };
}

function unchangedConfiguration(request: messages.CheckRequest): CheckResponse {
    const response = new CheckResponse();
    response.setInputs(request.getNews());
    return response;
}
