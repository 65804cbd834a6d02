// The executable `pulumi-language-nodejs`: serves LanguageRuntime to the engine that started it, until that engine
// goes.
import * as grpc from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import { Children } from "./children";
import { languageRuntime } from "./service";

// What a program sends back (its configuration, a policy pack's answers) can be far over gRPC's default of 4 MB.
const messageLimit = 400 * 1024 * 1024;

/** Starts serving on a free loopback port and prints that port, which is how the engine finds it. */
function main(): void {
    const children = new Children();
    const server = new grpc.Server({
        "grpc.max_receive_message_length": messageLimit,
        "grpc.max_send_message_length": messageLimit,
    });
    server.addService(LanguageRuntimeService, languageRuntime(children));
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error) {
            console.error(`pulumi-language-nodejs: no loopback port to listen on: ${error.message}`);
            process.exit(1);
        }
        console.log(String(port));
    });

    const leave = () => {
        void children.end().then(() => process.exit(0));
    };
    process.on("SIGINT", leave);
    process.on("SIGTERM", leave);
    // The engine holds the other end of stdin: its end means that the engine is gone, even after SIGKILL.
    process.stdin.on("end", leave).on("error", leave).resume();
}

main();
