// An OsDiskCapture under the real engine: what a person sees, what the state keeps, and what becomes of a killed
// engine's capture.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Vm } from "../../sandbox/azure";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { inputsFor, serviceOf } from "./support/capture";

const REPOSITORY = join(__dirname, "..", "..");
const PROGRAM = `import { OsDiskCapture } from "./components/capture/osDiskCapture";
export const { snapshotId } = new OsDiskCapture("capture", JSON.parse(process.env.CAPTURE_INPUT!));
`;

/** Ends in an error where it is run: a state that has it must not be asked. */
const EARLIER = `throw new Error("the code of an earlier version was run");\n`;

interface ExportedState {
    deployment: {
        resources: { type: string; inputs: Record<string, unknown>; outputs: Record<string, unknown> }[];
    };
}

let sandbox: Sandbox;
let project: string;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 3 }] });
    project = join(sandbox.directory, "a project");
    mkdirSync(project);
    for (const path of ["components", "node_modules"]) {
        symlinkSync(join(REPOSITORY, path), join(project, path), "dir");
    }
    cpSync(join(REPOSITORY, "Pulumi.yaml"), join(project, "Pulumi.yaml"));
    cpSync(join(REPOSITORY, "package.json"), join(project, "package.json"));
    writeFileSync(join(project, "index.ts"), PROGRAM);
});

afterEach(() => sandbox.azure.faults.clear());
afterAll(() => sandbox?.stop());

/** One pulumi command for the capture of this VM; its words when it has ended. */
async function pulumi(
    vm: Vm,
    command: string,
    onWords?: (words: string, child: ChildProcess) => void,
    cwd = project,
): Promise<string> {
    const env = { ...sandbox.env, CAPTURE_INPUT: JSON.stringify(inputsFor(sandbox, vm)) };
    const child = spawn("pulumi", [...command.split(" "), "--non-interactive"], { cwd, env });
    let words = "";
    for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (chunk: Buffer) => {
            words += chunk.toString();
            onWords?.(words, child);
        });
    }
    await once(child, "close");
    return words;
}

const UP = "up --yes --skip-preview --stack";

test("a failure is one line, the next run captures, and only the way to the provider is in the state", async () => {
    const [vm] = sandbox.azure.vms();
    await pulumi(vm, "stack init one");
    sandbox.azure.faults.failOperation({
        path: /\/snapshots\//,
        method: "PUT",
        times: 1,
        code: "DiskError",
        message: "it broke off",
    });
    const failed = await pulumi(vm, `${UP} one`);
    expect(failed).toMatch(
        /error: pool1: capturing node \S+ failed: at step "snapshot": .*it broke off; the node is back in service\n/,
    );
    expect(failed).not.toMatch(/^\s+at .*:\d+:\d+/m);
    const captured = await pulumi(vm, `${UP} one`);
    expect(captured).toMatch(/pool1: captured the OS disk of node \S+ in \S+; the node is back in service/);
    const state = await pulumi(vm, "stack export --stack one");
    const { deployment } = JSON.parse(state) as {
        deployment: { resources: { type: string; inputs?: Record<string, unknown> }[] };
    };
    const { inputs } = deployment.resources.find(({ type }) => type.endsWith("OsDiskCapture"))!;
    expect(String(inputs?.__provider).length).toBeLessThan(3000);
    expect(state).not.toContain(sandbox.env.ARM_CLIENT_SECRET);
    expect(await pulumi(vm, `${UP} one`)).toMatch(/2 unchanged/);
});

test("a state with the way to the provider as earlier versions wrote it is no change", async () => {
    const [vm] = sandbox.azure.vms();
    const state = JSON.parse(await pulumi(vm, "stack export --stack one")) as ExportedState;
    const [{ inputs, outputs }] = state.deployment.resources.filter(({ type }) => type.endsWith("OsDiskCapture"));
    inputs.__provider = outputs.__provider = EARLIER;
    const file = join(sandbox.directory, "state.json");
    writeFileSync(file, JSON.stringify(state));
    await pulumi(vm, `stack import --stack one --file ${file}`);
    expect(await pulumi(vm, "stack export --stack one")).toContain("of an earlier version");
    expect(await pulumi(vm, "preview --expect-no-changes --diff --stack one")).toMatch(/2 unchanged/);
    expect(await pulumi(vm, `${UP} one`)).toMatch(/2 unchanged/);
    // What a destroy will run is still the earlier one.
    const after = JSON.parse(await pulumi(vm, "stack export --stack one")) as ExportedState;
    const captures = after.deployment.resources.filter(({ type }) => type.endsWith("OsDiskCapture"));
    expect(captures.map((each) => each.outputs.__provider)).toEqual([EARLIER]);
});

test("a destroy in a folder of another program says in one line where it must be run, and deletes nothing", async () => {
    const [vm] = sandbox.azure.vms();
    const [, other] = sandbox.azure.vms();
    await pulumi(other, "stack init three");
    expect(await pulumi(other, `${UP} three`)).toMatch(/2 created/);
    const elsewhere = join(sandbox.directory, "another project");
    mkdirSync(elsewhere);
    symlinkSync(join(REPOSITORY, "node_modules"), join(elsewhere, "node_modules"), "dir");
    cpSync(join(REPOSITORY, "Pulumi.yaml"), join(elsewhere, "Pulumi.yaml"));
    const refused = await pulumi(vm, "destroy --yes --skip-preview --stack three", undefined, elsewhere);
    expect(refused).toMatch(
        /error: kamino's program is not in the folder "[^"]*another project": run this command in its checkout, or with --cwd\n/,
    );
    expect(refused).not.toMatch(/Cannot find module|Require stack|^\s+at .*:\d+:\d+/m);
    expect(await pulumi(vm, "stack export --stack three")).toContain("OsDiskCapture");
    expect(await pulumi(other, "destroy --yes --skip-preview --stack three")).toMatch(/2 deleted/);
});

test("after the engine was killed its capture restores the node by itself and ends", async () => {
    const [, vm] = sandbox.azure.vms();
    await pulumi(vm, "stack init two");
    sandbox.azure.faults.delay({ path: /\/snapshots\//, method: "PUT", times: 1, milliseconds: 3000 });
    await pulumi(vm, `${UP} two`, (words, child) => words.includes("taking a snapshot") && child.kill("SIGKILL"));
    expect(await serviceOf(sandbox, vm)).toMatchObject({ cordoned: true });
    const inService = { ready: true, cordoned: false, power: "running", annotations: {}, pods: [] };
    await expect.poll(() => serviceOf(sandbox, vm), { timeout: 60_000 }).toMatchObject(inService);
});
