// What comes from outside comes in one exact version and is known by its hash: packages and Go modules.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repository } from "../../sandbox/engine/paths";

const read = (...file: string[]) => readFileSync(join(repository, ...file), "utf8");

type Versions = Record<string, string>;

interface Manifest {
    dependencies?: Versions;
    devDependencies?: Versions;
    optionalDependencies?: Versions;
    overrides?: Versions;
}

interface Locked {
    version: string;
    integrity?: string;
}

const manifest = (folder: string) => JSON.parse(read(folder, "package.json")) as Manifest;

function inexact({ dependencies, devDependencies, optionalDependencies, overrides }: Manifest): string[] {
    const all = [dependencies, devDependencies, optionalDependencies, overrides].flatMap((one) =>
        Object.entries(one ?? {}),
    );
    return all.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)).map(([name]) => name);
}

describe("the Kubernetes provider that tests run", () => {
    it("is the one that was written down for the SDK", () => {
        const sdk = manifest(".").dependencies?.["@pulumi/kubernetes"];
        const [, provider] = /provider\/v4 (v\S+)/.exec(read("sandbox", "kubernetes-provider", "go.mod")) ?? [];
        expect(read("sandbox", "kubernetes-provider", "README.md")).toContain(`| ${sdk} | ${provider} |`);
    });
});

describe.each([
    [".", "package-lock.json"],
    ["policies", "npm-shrinkwrap.json"],
    ["tools/recording", "package-lock.json"],
])("the packages of %s", (folder, lockFile) => {
    const { packages } = JSON.parse(read(folder, lockFile)) as { packages: Record<string, Manifest & Locked> };

    it("are asked for in exact versions", () => {
        expect(inexact(manifest(folder))).toEqual([]);
    });

    it("are locked as they are asked for", () => {
        const { dependencies, devDependencies } = manifest(folder);
        expect(packages[""].dependencies).toEqual(dependencies);
        expect(packages[""].devDependencies).toEqual(devDependencies);
        for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
            expect(packages[`node_modules/${name}`].version, name).toBe(version);
        }
    });

    it("are each locked by their hash", () => {
        const { "": _itself, ...others } = packages;
        const unhashed = Object.entries(others).filter(([, { integrity }]) => !integrity?.startsWith("sha512-"));
        expect(unhashed.map(([path]) => path)).toEqual([]);
    });

    it("run no install script", () => {
        expect(read(folder === "policies" ? "." : folder, ".npmrc")).toMatch(/^ignore-scripts=true$/m);
    });
});

it.each([
    ["^1.2.3"],
    ["~1.2.3"],
    ["10"],
    ["1.2"],
    ["latest"],
    ["*"],
    [">=1.0.0"],
    ["git+ssh://git@host/a.git"],
    ["file:../a"],
])("%s is not an exact version", (version) => expect(inexact({ dependencies: { one: version } })).toEqual(["one"]));

it("each Go module has its checksums beside it", () => {
    const modules = ["sandbox", "tools"].flatMap((folder) =>
        readdirSync(join(repository, folder))
            .map((name) => join(folder, name))
            .filter((path) => existsSync(join(repository, path, "go.mod"))),
    );
    expect(modules).toContain(join("sandbox", "engine"));
    expect(modules.filter((path) => !existsSync(join(repository, path, "go.sum")))).toEqual([]);
});

it("the documented check of an image's signature takes the workflow that signs it, at a tag, and no other", () => {
    const docs = read("docs", "automation.md");
    const [, expression = ""] = /--certificate-identity-regexp '(.*)'/.exec(docs) ?? [];
    const signedBy = (identity: string) =>
        new RegExp(expression).test(`https://github.com/OWNER/REPOSITORY${identity}`);
    expect(signedBy("/.github/workflows/image.yml@refs/tags/v0.1.0")).toBe(true);
    for (const other of [
        "/.github/workflows/image.yml@refs/heads/main",
        "/.github/workflows/evil.yml@refs/tags/v0.1.0",
        "/.github/workflows/imageXyml@refs/tags/v0.1.0",
        "2/.github/workflows/image.yml@refs/tags/v0.1.0",
    ]) {
        expect(signedBy(other), other).toBe(false);
    }
    expect(
        new RegExp(expression).test(
            "https://github.com.evil.example/OWNER/REPOSITORY/.github/workflows/image.yml@refs/tags/v1",
        ),
    ).toBe(false);
});
