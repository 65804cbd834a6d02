// The operator's workspace pod, played on this machine: the manifest's own init container, environment and settings,
// and then the very pulumi commands that the operator's agent runs.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { pluginsDirectory, repository } from "../../sandbox/engine/paths";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { patch, scaleSetOf, versionsInGallery, writes } from "../stack/support/pools";
import { manifests, stackIn } from "./manifests";

const { stack, config, envRefs, workspaceTemplate } = stackIn("up.yaml").spec;

let sandbox: Sandbox;
let policies: string;
/** Paths in the pod, and where they are here. */
let places: [inPod: string, here: string][];
/**
 * A folder whose one link is this repository: paths in a manifest's script have no spaces, and this repository's may.
 */
const plain = mkdtempSync(join(tmpdir(), "kamino-"));

beforeAll(async () => {
    symlinkSync(repository, join(plain, "repository"), "dir");
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 2 }] });
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    const share = join(sandbox.directory, "share");
    policies = join(sandbox.directory, "policies.json");
    mkdirSync(share);
    places = [
        ["/opt/pulumi/plugins", pluginsDirectory],
        ["/opt/kamino", repository],
        ["/share", share],
        ["/etc/kamino/cluster/kubeconfig", sandbox.cluster.kubeconfig],
        ["/etc/kamino/policies/policies.json", policies],
    ].map(([inPod, path]) => [inPod, join(plain, "repository", relative(repository, path))]);
    const options = manifests("namespace.yaml").find(({ kind }) => kind === "ConfigMap") as {
        data?: typeof process.env;
    };
    writeFileSync(policies, options.data?.["policies.json"] ?? "");
});
afterAll(async () => {
    await sandbox?.stop();
    rmSync(plain, { recursive: true, force: true });
});
beforeEach(() => sandbox.azure.requests.clear());

/** Text of the manifest with the pod's paths where they are here. */
function here(text: string): string {
    return places.reduce((result, [inPod, path]) => result.replaceAll(inPod, path), text);
}

function program(): string {
    return here(String((workspaceTemplate.spec as { local?: { dir: string } }).local?.dir));
}

/**
 * A pulumi command in the workspace, with the manifest's environment; who signs in, and where the state is, is this
 * sandbox's.
 */
function pulumi(...args: string[]) {
    const { PATH, PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE } = sandbox.env;
    const given = Object.entries(envRefs)
        .filter(([name]) => !/^(ARM|AZURE)_/.test(name))
        .map(([name, { literal }]) => [name, here(literal?.value ?? "")]);
    return execa("pulumi", [...args, "--non-interactive", "--color", "never"], {
        cwd: program(),
        env: {
            ...{ PATH, PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE },
            ...sandbox.azure.env,
            ...(Object.fromEntries(given) as Record<string, string>),
        },
        ...({ extendEnv: false, reject: false, all: true, stdin: "ignore" } as const),
    });
}

test("the init container and the operator's first commands make a workspace, and download nothing", async () => {
    const [{ command }] = workspaceTemplate.spec.podTemplate.spec.initContainers;
    const [shell, ...args] = (command ?? []).map(here);
    await execa(shell, args);
    expect(await pulumi("install")).toMatchObject({ exitCode: 0 });
    expect(await pulumi("stack", "select", "--create", "--stack", stack)).toMatchObject({ exitCode: 0 });

    const { name, resourceGroup } = scaleSetOf(sandbox, "pool1");
    const settings = {
        ...config,
        ...{ "kamino:resourceGroup": resourceGroup, "kamino:gallery": "kamino", "kamino:gracePeriod": "1s" },
        "kamino:pools": [{ name: "pool1", scaleSet: name }],
        "kamino:kubeconfig": here(String(config["kamino:kubeconfig"])),
    };
    const asSet = Object.entries(settings).map(([key, value]) =>
        typeof value === "object"
            ? [key, { value: JSON.stringify(value), objectValue: value }]
            : [key, { value: String(value) }],
    );
    const set = await pulumi(
        "config",
        "set-all",
        "--stack",
        stack,
        "--json",
        JSON.stringify(Object.fromEntries(asSet)),
    );
    expect({ exitCode: set.exitCode, all: set.all }).toMatchObject({ exitCode: 0 });
    // What pulumi writes is in the volume; the image's folder, which no container may write to, stays as it is.
    expect(existsSync(join(program(), `Pulumi.${stack}.yaml`))).toBe(true);
    expect(readdirSync(repository)).not.toContain(`Pulumi.${stack}.yaml`);
});

test("its preview is held to the policy pack and the fleet's options, by the environment alone", async () => {
    writeFileSync(policies, JSON.stringify({ "image-version-replicas": { minimum: 4 } }));
    const refused = await pulumi("preview", "--diff", "--stack", stack);
    expect(refused.all).toMatch(/\[mandatory\] {2}image-version-replicas/);
    expect(refused.exitCode).not.toBe(0);
    expect(writes(sandbox)).toEqual([]);
});

test("its up, which skips the preview, goes by the same pack, and takes the image", async () => {
    writeFileSync(policies, JSON.stringify({ "image-version-replicas": { minimum: 3 } }));
    const up = await pulumi("up", "--yes", "--skip-preview", "--diff", "--stack", stack);
    expect({ exitCode: up.exitCode, all: up.all }).toMatchObject({ exitCode: 0 });
    expect(up.all).toMatch(/Policy Packs run:[^]*kamino\|local\|/);
    expect(await versionsInGallery(sandbox, "pool1")).toEqual(["2026.1116.0412"]);
});
