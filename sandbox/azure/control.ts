// The control API for other processes (the sandbox's shell, the demo): `/_sandbox/…` on the same HTTPS server, without sign-in.
import { lstatSync, readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import type { FastifyInstance } from "fastify";
import type { Cloud } from "./cloud";
import type { AzureSandbox, Vm } from "./index";

const FILE_LIMIT = 64 * 1024;

/** Adds the control routes. Bodies and answers are JSON. */
export function addControl(app: FastifyInstance, cloud: Cloud, sandbox: AzureSandbox): void {
    app.get("/_sandbox/scaleSets", (_request, reply) =>
        reply.send(sandbox.scaleSets().map(({ id, name, capacity, etag }) => ({ id, name, capacity, etag }))),
    );
    app.get("/_sandbox/vms", (_request, reply) => reply.send(sandbox.vms().map(describe)));
    app.get("/_sandbox/vms/:name/disk", (request, reply) => {
        const vm = named(sandbox, (request.params as { name: string }).name);
        return vm ? reply.send({ ...describe(vm), files: files(vm.diskDirectory) }) : missing(reply);
    });
    app.post("/_sandbox/vms/:name/:action", async (request, reply) => {
        const { name, action } = request.params as { name: string; action: string };
        const vm = named(sandbox, name);
        const actions: Record<string, (id: string) => Promise<void>> = {
            start: (id) => sandbox.startVm(id),
            stop: (id) => sandbox.stopVmFromInside(id),
            powerOff: (id) => sandbox.powerOffVm(id),
            restart: (id) => sandbox.restartVm(id),
        };
        const run = actions[action];
        if (!vm || !run) return missing(reply);
        await run(vm.id);
        return reply.send(describe(named(sandbox, name) ?? vm));
    });
    app.post("/_sandbox/capacity", async (request, reply) => {
        const { scaleSet, capacity } = json(request.body) as { scaleSet: string; capacity: number };
        const found = sandbox
            .scaleSets()
            .find(({ id, name }) => [id, name].some((text) => text.toLowerCase() === scaleSet?.toLowerCase()));
        if (!found || !Number.isInteger(capacity)) return missing(reply);
        await sandbox.setCapacity(found.id, capacity);
        return reply.send(sandbox.vms(found.id).map(describe));
    });
    app.get("/_sandbox/requests", (_request, reply) => reply.send(sandbox.requests.all()));
    app.post("/_sandbox/durations", (request, reply) =>
        reply.send(Object.assign(sandbox.durations, json(request.body))),
    );
    app.post("/_sandbox/faults", (request, reply) => {
        const { kind, path, ...fault } = json(request.body) as { kind: string; path: string } & Record<string, never>;
        const arm = { fail: "fail", delay: "delay", throttle: "throttle", failOperation: "failOperation" }[kind] as
            "fail" | undefined;
        if (!arm || typeof path !== "string") return missing(reply);
        sandbox.faults[arm]({ ...fault, path: new RegExp(path, "i") } as never);
        return reply.send({ armed: kind });
    });
    app.delete("/_sandbox/faults", (_request, reply) => {
        cloud.faults.clear();
        return reply.send({ armed: null });
    });
}

function missing(reply: { code: (status: number) => { send: (body: unknown) => unknown } }): unknown {
    return reply.code(404).send({ error: "There is no such thing in the sandbox, or a value is missing." });
}

function json(body: unknown): Record<string, unknown> {
    return (typeof body === "string" && body !== "" ? JSON.parse(body) : {}) as Record<string, unknown>;
}

/** A VM by node name, computer name, instance's ARM id or vmId. */
function named(sandbox: AzureSandbox, name: string): Vm | undefined {
    const wanted = decodeURIComponent(name).toLowerCase();
    return sandbox
        .vms()
        .find((vm) => [vm.nodeName, vm.computerName, vm.id, vm.vmId].some((text) => text.toLowerCase() === wanted));
}

function describe(vm: Vm): Record<string, unknown> {
    const {
        id,
        instanceId,
        computerName,
        nodeName,
        power,
        joined,
        bootstrapped,
        bootstrapRan,
        bootedClean,
        latestModelApplied,
    } = vm;
    const { diskDirectory, bootLog, lastBootMilliseconds, zone } = vm;
    return {
        id,
        instanceId,
        computerName,
        nodeName,
        power,
        zone,
        joined,
        bootstrapped,
        bootstrapRan,
        bootedClean,
        latestModelApplied,
        diskDirectory,
        bootLog,
        lastBootMilliseconds,
    };
}

function files(root: string, folder = root): Record<string, string> {
    return Object.fromEntries(
        readdirSync(folder).flatMap((name) => {
            const path = join(folder, name);
            const state = lstatSync(path);
            if (state.isDirectory()) return Object.entries(files(root, path));
            const text = state.isFile() ? readFileSync(path, "utf8").slice(0, FILE_LIMIT) : "(link)";
            return [[relative(root, path), text] as const];
        }),
    );
}
