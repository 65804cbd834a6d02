// The pack as a package: what is published is what is tested here, and its README names every policy.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { repository } from "../../sandbox/engine/paths";
import { Pack } from "./pack";

let pack: Pack;
beforeAll(async () => void (pack = await Pack.start()));
afterAll(() => pack.stop());

interface Manifest {
    version: string;
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
}

const read = (...file: string[]) => readFileSync(join(repository, ...file), "utf8");
const manifest = (...file: string[]) => JSON.parse(read(...file)) as Manifest;

it("the pack depends on the versions that the repository has installed, exactly", () => {
    const root = manifest("package.json");
    const installed = { ...root.devDependencies, ...root.dependencies };
    for (const [name, version] of Object.entries(manifest("policies", "package.json").dependencies)) {
        expect(version, name).toBe(installed[name]);
    }
});

it("the published pack's lock file belongs to its manifest", () => {
    const lock = JSON.parse(read("policies", "npm-shrinkwrap.json")) as { packages: Record<string, Manifest> };
    const { version, dependencies } = manifest("policies", "package.json");
    expect(lock.packages[""]).toMatchObject({ version, dependencies });
});

it("the README names every policy with its level and its options, and no other", async () => {
    const readme = read("policies", "README.md");
    const rows = [...readme.matchAll(/^\| `([\w-]+)` \| ([MA]) \|.*\|(.*)\|$/gm)];
    const told = rows.map(([, name, level, options]) => ({
        name,
        level: level === "M" ? "mandatory" : "advisory",
        options: [...options.matchAll(/(?:^|;) `(\w+)`/g)].map(([, option]) => option).sort(),
    }));
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
    expect(told.sort(byName)).toEqual((await pack.policies()).sort(byName));
});

it("no policy describes itself by the name of a variable", async () => {
    const described = await pack.descriptions();
    const variables = described.map(([name]) => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()));
    expect(described.filter(([, text]) => variables.some((variable) => text.includes(variable)))).toEqual([]);
});
