// The LanguageRuntime service: what the engine may ask of the Node language host, and the answers.
import { once } from "node:events";
import * as grpc from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import * as language from "@pulumi/pulumi/proto/language_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { version } from "@pulumi/pulumi/version";
import { endProcess, type Children } from "./children";
import { pluginCommand, programCommand, runtimeOptions, type Command } from "./commands";

/** The exit code with which @pulumi/pulumi/cmd/run says that it has already told the user what is wrong. */
const alreadyReported = 32;

type Run = grpc.ServerUnaryCall<language.RunRequest, language.RunResponse>;
type RunPlugin = grpc.ServerWritableStream<language.RunPluginRequest, language.RunPluginResponse>;
type Answer<T> = grpc.sendUnaryData<T>;

/**
 * The calls that running Node programs needs. It answers "unimplemented" for the others (code generation,
 * packing, linking), which it takes as such.
 */
export function languageRuntime(children: Children): grpc.UntypedServiceImplementation {
    return {
        handshake: (_call: unknown, answer: Answer<language.LanguageHandshakeResponse>) =>
            answer(null, new language.LanguageHandshakeResponse()),
        getPluginInfo: (_call: unknown, answer: Answer<PluginInfo>) =>
            answer(null, new PluginInfo().setVersion(version)),
        // No list of plugins up front: the engine loads a provider when the program first asks for one.
        getRequiredPackages: (_call: unknown, answer: Answer<language.GetRequiredPackagesResponse>) =>
            answer(null, new language.GetRequiredPackagesResponse()),
        getRequiredPlugins: (_call: unknown, answer: Answer<language.GetRequiredPluginsResponse>) =>
            answer(null, new language.GetRequiredPluginsResponse()),
        getProgramDependencies: (_call: unknown, answer: Answer<language.GetProgramDependenciesResponse>) =>
            answer(null, new language.GetProgramDependenciesResponse()),
        // make build installs dependencies, so there is nothing left to do here.
        installDependencies: (call: grpc.ServerWritableStream<unknown, unknown>) => call.end(),
        runtimeOptionsPrompts: (_call: unknown, answer: Answer<language.RuntimeOptionsResponse>) =>
            answer(null, new language.RuntimeOptionsResponse()),
        about: (_call: unknown, answer: Answer<language.AboutResponse>) =>
            answer(null, new language.AboutResponse().setExecutable(process.execPath).setVersion(process.version)),
        // Ctrl-C, and the end of every run. What the engine still has under way ends without the program: a resource
        // hook that comes due afterwards fails, as it does with the official host.
        cancel: (_call: unknown, answer: Answer<Empty>) => {
            void children.end().then(() => answer(null, new Empty()));
        },
        run: (call: Run, answer: Answer<language.RunResponse>) => {
            runProgram(children, call).then((response) => answer(null, response), refuse(answer));
        },
        runPlugin: (call: RunPlugin) => {
            runPlugin(children, call).catch((error: unknown) => call.emit("error", asServiceError(error)));
        },
    };
}

/** Runs the program to its end; its output goes straight to the engine through this process's own stdout and stderr. */
async function runProgram(children: Children, call: Run): Promise<language.RunResponse> {
    const request = call.request;
    const info = request.getInfo();
    const command = programCommand(
        {
            project: request.getProject(),
            stack: request.getStack(),
            organization: request.getOrganization(),
            pwd: request.getPwd(),
            rootDirectory: info?.getRootDirectory() ?? request.getPwd(),
            programDirectory: info?.getProgramDirectory() ?? request.getPwd(),
            entryPoint: info?.getEntryPoint() ?? request.getProgram(),
            args: request.getArgsList(),
            config: Object.fromEntries(request.getConfigMap().toArray()),
            configSecretKeys: request.getConfigsecretkeysList(),
            dryRun: request.getDryrun(),
            parallel: request.getParallel(),
            monitorAddress: request.getMonitorAddress(),
            engineAddress: process.argv.at(-1) ?? "",
            options: runtimeOptions(info?.getOptions()?.toJavaScript() ?? {}),
        },
        process.env,
    );
    const exitCode = await toItsEnd(children, command, call, ["ignore", "inherit", "inherit"]);
    const response = new language.RunResponse();
    if (exitCode === alreadyReported) {
        return response.setBail(true);
    }
    return exitCode === 0 ? response : response.setError(`The program ended with ${describeExit(exitCode)}`);
}

/** Runs a policy pack or provider until it ends or the engine lets go of the call, streaming what it writes. */
async function runPlugin(children: Children, call: RunPlugin): Promise<void> {
    const request = call.request;
    const info = request.getInfo();
    const command = pluginCommand({
        kind: request.getKind(),
        pwd: request.getPwd(),
        pluginDirectory: info?.getProgramDirectory() ?? request.getProgram(),
        args: request.getArgsList(),
        env: request.getEnvList(),
        options: runtimeOptions(info?.getOptions()?.toJavaScript() ?? {}),
    });
    const exitCode = await toItsEnd(children, command, call, ["ignore", "pipe", "pipe"], (stream, chunk) => {
        const response = new language.RunPluginResponse();
        call.write(stream === "stdout" ? response.setStdout(chunk) : response.setStderr(chunk));
    });
    call.write(new language.RunPluginResponse().setExitcode(typeof exitCode === "number" ? exitCode : 1));
    call.end();
}

/** Resolves with the exit code, or the name of the signal, once the process has ended and its output is read. */
async function toItsEnd(
    children: Children,
    command: Command,
    call: { once(event: "cancelled", listener: () => void): unknown },
    stdio: ("ignore" | "inherit" | "pipe")[],
    onOutput?: (stream: "stdout" | "stderr", chunk: Buffer) => void,
): Promise<number | NodeJS.Signals> {
    const child = children.start(command.args, { cwd: command.cwd, env: command.env, stdio });
    child.stdout?.on("data", (chunk: Buffer) => onOutput?.("stdout", chunk));
    child.stderr?.on("data", (chunk: Buffer) => onOutput?.("stderr", chunk));
    call.once("cancelled", () => void endProcess(child));
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return code ?? signal ?? 1;
}

function describeExit(exit: number | NodeJS.Signals): string {
    return typeof exit === "number" ? `exit code ${exit}` : `signal ${exit}`;
}

function refuse<T>(answer: Answer<T>): (error: unknown) => void {
    return (error) => answer(asServiceError(error));
}

function asServiceError(error: unknown): Partial<grpc.StatusObject> {
    return { code: grpc.status.INTERNAL, details: error instanceof Error ? error.message : String(error) };
}
