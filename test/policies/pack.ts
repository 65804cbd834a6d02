// The policy pack as the engine runs it: its own process, asked over gRPC, for specs that need no engine.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import * as path from "node:path";
import * as grpc from "@grpc/grpc-js";
import { AnalyzerClient } from "@pulumi/pulumi/proto/analyzer_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/analyzer_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { repository } from "../../sandbox/engine/paths";

/** How the engine writes a string that a preview does not know yet (@pulumi/policy, proxy.js). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** A resource as the engine tells policies of it. */
export interface Resource {
    type: string;
    name: string;
    /** What it is declared with. */
    inputs: object;
    /** What it has after the operation; its inputs if nothing is said. */
    outputs?: object;
    protect?: boolean;
    ignoreChanges?: string[];
    parent?: Resource;
    /** Resources that an input depends on. */
    propertyDependencies?: Record<string, Resource[]>;
}

/** What a policy reports. */
export interface Violation {
    policy: string;
    level: "advisory" | "mandatory";
    message: string;
}

/** By policy: its level, or its options. */
export type PackConfig = Record<string, "advisory" | "mandatory" | "disabled" | Record<string, JavaScriptValue>>;

const LEVELS = {
    advisory: proto.EnforcementLevel.ADVISORY,
    mandatory: proto.EnforcementLevel.MANDATORY,
    disabled: proto.EnforcementLevel.DISABLED,
};

export class Pack {
    private constructor(
        private readonly process: ChildProcess,
        private readonly client: AnalyzerClient,
    ) {}

    /** Starts the pack, the way the language host does; takes about a second. */
    static async start(): Promise<Pack> {
        const directory = path.join(repository, "policies");
        const launcher = require.resolve("@pulumi/pulumi/cmd/run-policy-pack");
        const child = spawn(process.execPath, [launcher, "127.0.0.1:0", "."], {
            cwd: directory,
            stdio: ["ignore", "pipe", "inherit"],
        });
        const [port] = (await once(createInterface(child.stdout), "line")) as [string];
        return new Pack(child, new AnalyzerClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure()));
    }

    async stop(): Promise<void> {
        this.client.close();
        this.process.kill();
        await once(this.process, "exit");
    }

    /** Names and levels of all policies, as the pack itself tells; their options in the order of the alphabet. */
    async policies(): Promise<{ name: string; level: string; options: string[] }[]> {
        return (await this.told()).map((policy) => ({
            name: policy.getName(),
            level: policy.getEnforcementlevel() === LEVELS.mandatory ? "mandatory" : "advisory",
            options: Object.keys(policy.getConfigschema()?.getProperties()?.toJavaScript() ?? {}).sort(),
        }));
    }

    /** What each policy says of itself, by its name. */
    async descriptions(): Promise<[name: string, description: string][]> {
        return (await this.told()).map((policy) => [policy.getName(), policy.getDescription()]);
    }

    private async told(): Promise<proto.PolicyInfo[]> {
        const info = await this.ask<proto.AnalyzerInfo>((done) => this.client.getAnalyzerInfo(new Empty(), done));
        return info.getPoliciesList();
    }

    /** Sets levels and options, as `--policy-pack-config` does; what is not named goes back to what the pack says. */
    async configure(config: PackConfig): Promise<void> {
        const request = new proto.ConfigureAnalyzerRequest();
        for (const [policy, setting] of Object.entries(config)) {
            const entry = new proto.PolicyConfig();
            entry.setEnforcementlevel(typeof setting === "string" ? LEVELS[setting] : LEVELS.mandatory);
            entry.setProperties(Struct.fromJavaScript(typeof setting === "string" ? {} : setting));
            request.getPolicyconfigMap().set(policy, entry);
        }
        await this.ask((done) => this.client.configure(request, done));
    }

    /** What the policies say of one resource before the engine touches it. */
    async check(resource: Resource): Promise<Violation[]> {
        const request = new proto.AnalyzeRequest();
        request.setType(resource.type);
        request.setName(resource.name);
        request.setUrn(urnOf(resource));
        request.setProperties(struct(resource.inputs));
        request.setOptions(optionsOf(resource));
        return violations(await this.ask((done) => this.client.analyze(request, done)));
    }

    /** What the policies say of the whole stack, after each resource was checked, as the engine goes about it. */
    async checkStack(...resources: Resource[]): Promise<Violation[]> {
        const request = new proto.AnalyzeStackRequest();
        for (const resource of resources) {
            await this.check(resource);
            request.addResources(stackResource(resource));
        }
        return violations(await this.ask((done) => this.client.analyzeStack(request, done)));
    }

    private ask<T>(call: (done: (error: grpc.ServiceError | null, answer: T) => void) => unknown): Promise<T> {
        return new Promise((resolve, reject) => call((error, answer) => (error ? reject(error) : resolve(answer))));
    }
}

function stackResource(resource: Resource): proto.AnalyzerResource {
    const message = new proto.AnalyzerResource();
    message.setType(resource.type);
    message.setName(resource.name);
    message.setUrn(urnOf(resource));
    message.setProperties(struct(resource.outputs ?? resource.inputs));
    message.setOptions(optionsOf(resource));
    message.setParent(resource.parent ? urnOf(resource.parent) : "");
    for (const [property, resources] of Object.entries(resource.propertyDependencies ?? {})) {
        const dependencies = new proto.AnalyzerPropertyDependencies();
        dependencies.setUrnsList(resources.map(urnOf));
        message.getPropertydependenciesMap().set(property, dependencies);
    }
    return message;
}

function optionsOf({ protect, ignoreChanges, parent }: Resource): proto.AnalyzerResourceOptions {
    const options = new proto.AnalyzerResourceOptions();
    options.setProtect(protect ?? false);
    options.setIgnorechangesList(ignoreChanges ?? []);
    options.setParent(parent ? urnOf(parent) : "");
    return options;
}

function urnOf(resource: Resource): string {
    return `urn:pulumi:test::kamino::${typesOf(resource).join("$")}::${resource.name}`;
}

function typesOf({ type, parent }: Resource): string[] {
    return [...(parent ? typesOf(parent) : []), type];
}

/** Inputs as the wire has them: plain JSON. */
function struct(value: object): Struct {
    return Struct.fromJavaScript(JSON.parse(JSON.stringify(value)) as Record<string, JavaScriptValue>);
}

function violations(response: proto.AnalyzeResponse): Violation[] {
    return response.getDiagnosticsList().map((diagnostic) => ({
        policy: diagnostic.getPolicyname(),
        level: diagnostic.getEnforcementlevel() === LEVELS.mandatory ? "mandatory" : "advisory",
        message: diagnostic.getMessage(),
    }));
}
