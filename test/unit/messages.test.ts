// What messages tell people to set is there: every configuration key that the code names is one that it reads.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { readBySchema } from "../../components/config/read";
import { configuration, managementCluster } from "../../components/config/schema";
import { readSchedule } from "../../components/schedule/settings";
import { repository } from "../../sandbox/engine/paths";

const FOLDERS = ["components", "policies", "runner"];

const sources = FOLDERS.flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
        .filter(({ name, parentPath }) => /(?<!\.test)\.ts$/.test(name) && !parentPath.includes("node_modules"))
        .map(({ name, parentPath }) => join(parentPath, name)),
);

/** A name in a bill of materials, which nobody sets. */
const PROPERTY = /new Property\("kamino:\w+"/g;

const SCHEDULE = { key: "kamino:schedule", ownStack: "s", project: "kamino" };

/** How the value of each key that has keys of its own is read. */
const READ: Record<string, (value: Record<string, unknown>) => unknown> = {
    "": (value) => readBySchema(configuration, value, "kamino:"),
    capi: (value) => readBySchema(managementCluster, value, "kamino:capi."),
    schedule: (value) => readSchedule(value, SCHEDULE),
};

/** Whether `KEY`, or `KEY.WITHIN`, is a key of the configuration: its value may be wrong, it is known. */
function isKey(path: string): boolean {
    const [key, within] = path.split(".");
    const [of, name] = within === undefined ? ["", key] : [key, within];
    try {
        READ[of]?.({ [name]: {} });
        return of in READ;
    } catch (error) {
        return !(error as Error).message.includes("is not a known key");
    }
}

/** The keys that a text names: not types, which begin with a capital or are `kamino:index:…`. */
function named(text: string): string[] {
    const found = text.matchAll(/(?:\bkamino|\$\{project\}):([a-z]\w*(?:\.[a-z]\w*)?)(?!\w*:)/g);
    return [...found].map(([, path]) => path);
}

test("the keys of a text are found, with what is in them", () => {
    expect(named("(kamino:node), `${project}:capi.workloadCluster`, kamino:index:Pool, kamino:OsDiskCapture.")).toEqual(
        ["node", "capi.workloadCluster"],
    );
    // A key of a pool alone is set in kamino:pools.
    expect(["node", "pools", "capi.workloadCluster", "capi.node", "pools.node"].filter(isKey)).toEqual([
        "pools",
        "capi.workloadCluster",
    ]);
});

test("every key that the code names is a key of the configuration", () => {
    expect(sources.length).toBeGreaterThan(150);
    const wrong = sources.flatMap((file) =>
        named(readFileSync(file, "utf8").replace(PROPERTY, ""))
            .filter((path) => !isKey(path))
            .map((path) => `${relative(repository, file)}: kamino:${path}`),
    );
    expect(wrong).toEqual([]);
});
