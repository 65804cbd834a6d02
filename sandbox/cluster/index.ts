// A real Kubernetes control plane on this machine, for one run of the sandbox: etcd, API server, controller manager,
// scheduler, and kwok for the nodes. RBAC on, everything over TLS, ready in seconds, gone without a trace.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { join, resolve } from "node:path";
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { createAuthority, createSigningKey, type Authority } from "../authority";
import { freePorts } from "./ports";
import { apiServer, controllerManager, etcd, kwok, scheduler, type Layout } from "./programs";
import { startSupervisor, type Supervisor } from "./supervisor";

const REPOSITORY = resolve(__dirname, "..", "..");
/** An idle machine takes three seconds; one that is busy building takes many times that. */
const PATIENCE_MS = 120_000;
const ATTEMPTS = 3;

/** A running cluster. */
export interface Cluster {
    /** Path of the administrator's kubeconfig file. */
    readonly kubeconfig: string;
    /** Address of the API server. */
    readonly server: string;
    /** Path of the file with the certificate authority that signed the API server's certificate. */
    readonly caFile: string;
    /** Folder with the kubeconfigs and logs. */
    readonly directory: string;
    /** For a server that plays kubelets: its certificate and key, and the authority of the client that asks. PEM. */
    readonly kubelet: { certificate: string; key: string; ca: string };
    /** Rejects, in one line, if a program of the cluster ends by itself. */
    readonly failed: Promise<never>;
    /** Ends all processes and removes the folder. Safe to call again. */
    stop(): Promise<void>;
}

/** What a cluster needs for kubelets on other machines. */
export interface ClusterOptions {
    /**
     * IP address of this machine by which real kubelets reach the API server, which then listens on all addresses. The
     * API server reaches kubelets at their nodes' internal addresses, and a node may be silent for longer.
     */
    addressForKubelets?: string;
    /** Whether nodes that nothing plays stay Ready, for clusters larger than this machine could play. */
    silentNodes?: boolean;
    /** Seconds until a volume is taken from a node that is not Ready and has not unmounted it. Default 360. */
    forcedDetachSeconds?: number;
}

/**
 * Starts a cluster that keeps its files in this folder, and waits until its API server and controllers work.
 *
 * @param directory its own folder; made if need be, removed by `stop`
 * @param options for kubelets that are not kwok's
 * @throws Error in one line when the programs have not been built, or one of them ends
 */
export async function startCluster(directory: string, options: ClusterOptions = {}): Promise<Cluster> {
    const executables = { cluster: executable("cluster"), kwok: executable("kwok") };
    for (let attempt = 1; ; attempt++) {
        try {
            return await start(directory, executables, options);
        } catch (error) {
            // Between finding a free port and using it, another sandbox may have taken it.
            if (attempt === ATTEMPTS || !/address already in use/.test(String(error))) {
                throw error;
            }
        }
    }
}

async function start(
    directory: string,
    executables: Layout["executables"],
    { addressForKubelets, silentNodes, forcedDetachSeconds }: ClusterOptions,
): Promise<Cluster> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const [api, etcdClient, etcdPeer] = await freePorts(3);
    const layout: Layout = {
        directory,
        ports: { api, etcdClient, etcdPeer },
        executables,
        stages: stages(),
        addressForKubelets,
        silentNodes,
    };
    const server = `https://127.0.0.1:${api}`;
    const kubelet = await writeCredentials(layout, server);
    const kubeconfig = join(directory, "admin.kubeconfig");
    const supervisor = startSupervisor(executables.cluster, {
        ...process.env,
        // The controller manager has no flag for it; see timers.go.
        ...(forcedDetachSeconds !== undefined && { SANDBOX_UNMOUNT_WAIT: `${forcedDetachSeconds}s` }),
    });
    let stopped: Promise<void> | undefined;
    const stop = () => (stopped ??= stopAndRemove(supervisor, directory));
    try {
        await Promise.race([supervisor.failed, bringUp(layout, supervisor, kubeconfig)]);
    } catch (error) {
        await stop();
        throw error;
    }
    return {
        kubeconfig,
        server,
        caFile: join(directory, "ca.crt"),
        directory,
        kubelet,
        failed: supervisor.failed,
        stop,
    };
}

async function stopAndRemove(supervisor: Supervisor, directory: string): Promise<void> {
    await supervisor.stop();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}

/** The API server first: the others give up when it does not answer soon enough. */
async function bringUp(layout: Layout, supervisor: Supervisor, kubeconfig: string): Promise<void> {
    supervisor.start(etcd(layout));
    supervisor.start(apiServer(layout));
    const deadline = Date.now() + PATIENCE_MS;
    await until(deadline, "the API server to be ready", () => ready(layout));
    [controllerManager(layout), scheduler(layout), kwok(layout)].forEach((program) => supervisor.start(program));
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const core = config.makeApiClient(CoreV1Api);
    // Made by the controller manager; without it no pod is admitted.
    await until(deadline, "the controllers to work", () =>
        core.readNamespacedServiceAccount({ namespace: "default", name: "default" }),
    );
}

/** /readyz is open to everyone once the API server has set up its own roles. */
function ready({ ports, directory }: Layout): Promise<void> {
    const ca = readFileSync(join(directory, "ca.crt"));
    return new Promise((resolve, reject) => {
        const request = get({ host: "127.0.0.1", port: ports.api, path: "/readyz", ca, timeout: 5_000 }, (response) => {
            response.resume();
            if (response.statusCode === 200) {
                resolve();
            } else {
                reject(new Error(`it answers ${response.statusCode}`));
            }
        });
        request.once("timeout", () => request.destroy(new Error("it does not answer")));
        request.once("error", reject);
    });
}

/** Tries until it works. */
async function until(deadline: number, what: string, attempt: () => Promise<unknown>): Promise<void> {
    for (;;) {
        try {
            await attempt();
            return;
        } catch (error) {
            if (Date.now() > deadline) {
                throw new Error(`waited in vain for ${what}: ${String(error)}`, { cause: error });
            }
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
    }
}

/** Writes every certificate, key and kubeconfig of the cluster; returns what a player of kubelets needs. */
async function writeCredentials(layout: Layout, server: string): Promise<Cluster["kubelet"]> {
    const authority = await createAuthority("kamino sandbox Kubernetes CA");
    const write = (name: string, text: string) => writeFileSync(join(layout.directory, name), text, { mode: 0o600 });
    write("ca.crt", authority.certificate);
    write("ca.key", authority.key);
    write("service-accounts.key", createSigningKey());
    const names = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    const addresses = ["127.0.0.1", "10.0.0.1", ...(layout.addressForKubelets ? [layout.addressForKubelets] : [])];
    const serving = await authority.server(names, addresses);
    const files = {
        server: serving,
        "etcd-client": await authority.client("kube-apiserver-etcd-client"),
        "kubelet-client": await authority.client("kube-apiserver-kubelet-client", ["kubeadm:cluster-admins"]),
    };
    for (const [name, pair] of Object.entries(files)) {
        write(`${name}.crt`, pair.certificate);
        write(`${name}.key`, pair.key);
    }
    const users: [file: string, user: string, groups: string[]][] = [
        ["admin", "sandbox-admin", ["system:masters"]],
        ["kwok", "sandbox-kwok", ["system:masters"]],
        ["kube-controller-manager", "system:kube-controller-manager", []],
        ["kube-scheduler", "system:kube-scheduler", []],
    ];
    for (const [name, user, groups] of users) {
        write(`${name}.kubeconfig`, await kubeconfigFor(authority, server, user, groups));
    }
    return { ...(await authority.server(["localhost"], ["127.0.0.1"])), ca: authority.certificate };
}

/** A kubeconfig with everything in it, as JSON, which is YAML. */
async function kubeconfigFor(authority: Authority, server: string, user: string, groups: string[]): Promise<string> {
    const { certificate, key } = await authority.client(user, groups);
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    return JSON.stringify(
        {
            apiVersion: "v1",
            kind: "Config",
            clusters: [
                { name: "sandbox", cluster: { server, "certificate-authority-data": base64(authority.certificate) } },
            ],
            users: [
                {
                    name: user,
                    user: { "client-certificate-data": base64(certificate), "client-key-data": base64(key) },
                },
            ],
            contexts: [{ name: "sandbox", context: { cluster: "sandbox", user } }],
            "current-context": "sandbox",
        },
        null,
        2,
    );
}

function executable(name: string): string {
    const path = join(REPOSITORY, ".sandbox", "bin", name);
    if (!existsSync(path)) {
        throw new Error(`${path} has not been built; run make build`);
    }
    return path;
}

function stages(): string[] {
    const folder = join(REPOSITORY, "sandbox", "kwok", "stages");
    return readdirSync(folder)
        .filter((name) => name.endsWith(".yaml"))
        .sort()
        .map((name) => join(folder, name));
}
