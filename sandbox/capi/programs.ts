// How each manager is started: the flags, with the reason where it isn't plain.
import { join } from "node:path";
import { binDirectory } from "../engine/paths";
import type { Program } from "../cluster/supervisor";
import type { Manager } from "./modules";

/** Where a manager listens. */
export interface Ports {
    webhook: number;
    health: number;
    diagnostics: number;
}

/** Feature gates by name. */
export type FeatureGates = Record<string, boolean>;

/** All that a manager's flags depend on. */
export interface Layout {
    /** Folder of logs, and of the webhooks' certificate. */
    directory: string;
    ports: Record<Manager, Ports>;
    /** CAPZ's, besides those that it cannot do without here. */
    featureGates: FeatureGates;
}

/** Folder of `tls.crt` and `tls.key`, as the managers want them. */
export const certificates = (directory: string) => join(directory, "certificates");
/** File that takes what a manager prints. */
export const logFile = (directory: string, manager: Manager) => join(directory, `${manager}.log`);

const CAPZ_FLAGS = {
    // Level 4 says at each look at a pool what was found, which is how passes are counted.
    v: "4",
    // Its own defaults are 10 and 15 seconds.
    "debouncing-timer": "1s",
    "reconciler-requeue": "2s",
};

/** The manager's program. */
export function program(layout: Layout, manager: Manager): Program {
    const { webhook, health, diagnostics } = layout.ports[manager];
    const flags: Record<string, string> = {
        "leader-elect": "false",
        "webhook-port": String(webhook),
        "webhook-cert-dir": certificates(layout.directory),
        "health-addr": `127.0.0.1:${health}`,
        "diagnostics-address": `127.0.0.1:${diagnostics}`,
        "insecure-diagnostics": "true",
        "feature-gates": gates(layout, manager),
        ...(manager === "capz" ? CAPZ_FLAGS : { v: "2" }),
    };
    const written = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    return {
        name: manager,
        command: [join(binDirectory, manager), ...written],
        log: logFile(layout.directory, manager),
    };
}

function gates({ featureGates }: Layout, manager: Manager): string {
    const wanted = {
        MachinePool: true,
        // Without it none of Azure Service Operator's kinds need to be there.
        ...(manager === "capz" && { ASOAPI: false, ...featureGates }),
    };
    return Object.entries(wanted)
        .map(([name, on]) => `${name}=${on}`)
        .join(",");
}
