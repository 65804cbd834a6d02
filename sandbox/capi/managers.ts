// The managers as processes: their kinds first, then themselves, then the webhooks by which the API server asks them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority } from "../authority";
import { freePorts } from "../cluster/ports";
import { startSupervisor, type Supervisor } from "../cluster/supervisor";
import { binDirectory } from "../engine/paths";
import { waitFor, type Api } from "../nodes/api";
import type { Manager } from "./modules";
import { certificates, logFile, program, type FeatureGates, type Layout } from "./programs";
import { registerKinds, registerWebhooks, type ClientOf } from "./registration";

const ATTEMPTS = 3;
/** Far more than they need: on a machine that is busy otherwise they take ten times as long. */
const PATIENCE_MS = 120_000;

/** How to start them. */
export interface ManagersOptions {
    api: Api;
    directory: string;
    names: Manager[];
    featureGates: FeatureGates;
    /** Their whole environment. */
    env: NodeJS.ProcessEnv;
}

/** Managers that run. */
export interface Managers {
    readonly names: Manager[];
    readonly supervisor: Supervisor;
    log(manager: Manager): string;
    /** How often a controller of a manager has been through, by the manager's own metrics. */
    reconciles(manager: Manager, controller: string): Promise<number>;
}

/** Starts the managers and waits until they work and the API server knows their webhooks. */
export async function startManagers(options: ManagersOptions): Promise<Managers> {
    const ca = await writeCertificate(options.directory);
    for (let attempt = 1; ; attempt++) {
        try {
            return await start(options, ca);
        } catch (error) {
            // Between finding a free port and using it, another program may have taken it.
            if (attempt === ATTEMPTS || !/address already in use/.test(String(error))) {
                throw error;
            }
        }
    }
}

/** Writes the certificate of all webhook servers; returns the authority that signed it, base64. */
async function writeCertificate(directory: string): Promise<string> {
    const authority = await createAuthority("kamino sandbox Cluster API CA");
    const { certificate, key } = await authority.server(["localhost"], ["127.0.0.1"]);
    const folder = certificates(directory);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, "tls.crt"), certificate, { mode: 0o600 });
    writeFileSync(join(folder, "tls.key"), key, { mode: 0o600 });
    return Buffer.from(authority.certificate).toString("base64");
}

async function start({ api, directory, names, featureGates, env }: ManagersOptions, ca: string): Promise<Managers> {
    const layout: Layout = { directory, featureGates, ports: await newPorts() };
    const clientOf: ClientOf = (manager, path) => ({
        url: `https://127.0.0.1:${layout.ports[manager].webhook}${path}`,
        caBundle: ca,
    });
    await registerKinds(api, names, clientOf);
    const supervisor = startSupervisor(join(binDirectory, "cluster"), env);
    try {
        names.forEach((name) => supervisor.start(program(layout, name)));
        const ready = Promise.all(names.map((name) => untilReady(name, layout)));
        ready.catch(() => undefined);
        await Promise.race([supervisor.failed, ready]);
        await registerWebhooks(api, names, clientOf);
    } catch (error) {
        await supervisor.stop();
        throw error;
    }
    return {
        ...{ names, supervisor },
        log: (manager) => readFileSync(logFile(directory, manager), "utf8"),
        reconciles: (manager, controller) => reconciles(layout.ports[manager].diagnostics, controller),
    };
}

/** The sum over all results, of which the metric has one line each. */
async function reconciles(port: number, controller: string): Promise<number> {
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const line = new RegExp(`^controller_runtime_reconcile_total\\{controller="${controller}",.*\\} (\\d+)$`, "gm");
    return [...metrics.matchAll(line)].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function newPorts(): Promise<Layout["ports"]> {
    const ports = await freePorts(9);
    const three = () => {
        const [webhook, health, diagnostics] = ports.splice(0, 3);
        return { webhook, health, diagnostics };
    };
    return { capi: three(), capz: three(), "kubeadm-bootstrap": three() };
}

/** /readyz is good once the webhooks' server listens. */
async function untilReady(name: Manager, { ports }: Layout): Promise<void> {
    const url = `http://127.0.0.1:${ports[name].health}/readyz`;
    const ready = () =>
        fetch(url).then(
            ({ ok }) => ok || undefined,
            () => undefined,
        );
    await waitFor(`${name} to be ready`, ready, PATIENCE_MS);
}
