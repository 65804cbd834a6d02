// What can be done to a running sandbox from outside, one object a command: what it takes, what it says about itself.
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, normalize } from "node:path";
import type { AzureSandbox, ScaleSet, Vm } from "./azure";
import type { NodePlayer } from "./nodes";
import { readyCondition } from "./nodes/api";
import { MOST_RECENT_REBOOT_NEEDED, REBOOT_IN_PROGRESS } from "./nodes/kuredAnnotations";

/** What a command can act on. */
export interface Actors {
    azure: AzureSandbox;
    nodes: NodePlayer;
}

/** A command; what `run` returns is text, or rows that are printed as a table. */
export interface Command {
    name: string;
    /** Names of the values that are given in order; one in brackets may be left out. */
    takes: string[];
    /** Options, with what they mean. */
    options?: Record<string, string>;
    help: string;
    run(actors: Actors, values: Record<string, string>): Promise<string | Record<string, string>[]>;
}

/** All commands, in the order of their help. */
export const commands: Command[] = [
    {
        name: "status",
        takes: [],
        help: "every node: its pool, power, readiness, patch level, and what kured wrote",
        run: status,
    },
    {
        name: "patch",
        takes: ["NODE"],
        options: {
            level: "patch level that the disk gets; default: the day of --at",
            at: "when kured saw the need for a reboot, e.g. 2026-11-22T04:12:00Z; default: now",
            offset: "the node's UTC offset in minutes; default: 0",
            since: "since when the node is ready again; default: two minutes after --at",
        },
        help: "installs patches on a node and reboots it, exactly as kured does",
        async run({ nodes }, { NODE, level, at, offset, since }) {
            await nodes.patchAndReboot(NODE, {
                patchLevel: level,
                at: moment(at, "--at"),
                utcOffsetMinutes: offset === undefined ? undefined : whole(offset, "--offset"),
                readySince: moment(since, "--since"),
            });
            return `${NODE} has patch level ${nodes.patchLevel(NODE)} and is back`;
        },
    },
    {
        name: "scale",
        takes: ["POOL", "COUNT"],
        help: "brings a pool to a number of machines, as the cluster autoscaler does",
        async run({ azure, nodes }, { POOL, COUNT }) {
            const scaleSet = pool(azure.scaleSets(), POOL);
            await azure.setCapacity(scaleSet.id, whole(COUNT, "COUNT"));
            await nodes.settled();
            return (await status({ azure, nodes })).filter((row) => row.POOL === scaleSet.name);
        },
    },
    {
        name: "disk",
        takes: ["NODE", "[FILE]"],
        help: "the files on a node's disk, or what one of them holds",
        run({ azure }, { NODE, FILE }) {
            const root = machine(azure.vms(), NODE).diskDirectory;
            if (FILE === undefined) {
                return Promise.resolve(list(root).join("\n"));
            }
            const path = join(root, normalize(`/${FILE}`));
            if (!existsSync(path)) {
                throw new Error(`there is no file ${FILE} on the disk of ${NODE}`);
            }
            return Promise.resolve(
                lstatSync(path).isDirectory() ? list(root, path).join("\n") : readFileSync(path, "utf8"),
            );
        },
    },
    {
        name: "boots",
        takes: ["NODE"],
        help: "what a machine said while it booted",
        run: ({ azure }, { NODE }) => Promise.resolve(machine(azure.vms(), NODE).bootLog.join("\n")),
    },
    {
        name: "stop",
        takes: ["NODE"],
        help: "cuts a machine's power",
        async run({ azure, nodes }, { NODE }) {
            await azure.stopVmFromInside(machine(azure.vms(), NODE).id);
            await nodes.settled();
            return `${NODE} is off`;
        },
    },
    {
        name: "start",
        takes: ["NODE"],
        help: "starts a machine",
        async run({ azure, nodes }, { NODE }) {
            await azure.startVm(machine(azure.vms(), NODE).id);
            await nodes.settled();
            return `${NODE} has booted`;
        },
    },
];

async function status({ azure, nodes }: Actors): Promise<Record<string, string>[]> {
    const { items } = await nodes.api.core.listNode();
    const scaleSets = new Map(azure.scaleSets().map((scaleSet) => [scaleSet.id, scaleSet.name]));
    return azure.vms().map((vm) => {
        const node = items.find(({ metadata }) => metadata?.name === vm.nodeName);
        const ready = readyCondition(node);
        const annotations = node?.metadata?.annotations ?? {};
        return {
            NODE: vm.nodeName,
            POOL: scaleSets.get(vm.scaleSetId ?? "") ?? "",
            POWER: vm.power,
            READY: node ? `${ready?.status ?? "Unknown"}${node.spec?.unschedulable ? ", cordoned" : ""}` : "no node",
            SINCE: minute(ready?.lastTransitionTime),
            "PATCH LEVEL": nodes.patchLevel(vm.nodeName),
            "REBOOT NEEDED": annotations[MOST_RECENT_REBOOT_NEEDED] ?? "",
            REBOOTING: annotations[REBOOT_IN_PROGRESS] ? "yes" : "",
            // A node whose image came with everything never ran the script.
            BOOTSTRAP: vm.bootstrapRan ? "by script" : vm.bootstrapped ? "in image" : "none",
        };
    });
}

function minute(date: Date | undefined): string {
    return date ? `${date.toISOString().slice(0, 16).replace("T", " ")}Z` : "";
}

function machine(vms: Vm[], name: string): Vm {
    const found = vms.find(({ nodeName }) => nodeName === name.toLowerCase());
    if (!found) {
        throw new Error(`there is no machine for ${name}; see: sandbox status`);
    }
    return found;
}

/** By its scale set's name, or the pool's name in it. */
function pool(scaleSets: ScaleSet[], name: string): ScaleSet {
    const found = scaleSets.filter((scaleSet) => scaleSet.name === name || scaleSet.name.split("-")[1] === name);
    if (found.length === 1) {
        return found[0];
    }
    throw new Error(
        `there is no pool ${name}; the scale sets are ${scaleSets.map((scaleSet) => scaleSet.name).join(", ")}`,
    );
}

function whole(text: string, what: string): number {
    if (!/^-?\d+$/.test(text)) {
        throw new Error(`${what} must be a whole number, not "${text}"`);
    }
    return Number(text);
}

function moment(text: string | undefined, what: string): Date | undefined {
    if (text === undefined) {
        return undefined;
    }
    const date = new Date(text);
    if (Number.isNaN(date.getTime())) {
        throw new Error(`${what} must be a moment such as 2026-11-22T04:12:00Z, not "${text}"`);
    }
    return date;
}

function list(root: string, folder = root): string[] {
    return readdirSync(folder)
        .sort()
        .flatMap((name) => {
            const path = join(folder, name);
            const state = lstatSync(path);
            if (state.isDirectory()) {
                return list(root, path);
            }
            const link = state.isSymbolicLink() ? ` -> ${readlinkSync(path)}` : "";
            return [`${path.slice(root.length)}${link}`];
        });
}
