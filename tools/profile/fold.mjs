// Profiles of a command's processes to stacks as flame graphs are drawn from: one line a stack, `frame;frame COUNT`,
// by package in place of by function. `node fold.mjs FOLDER`.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** What Node's and V8's own functions are called here; others of theirs count for who called them. */
const OWN = new Map([
    ["wrapSafe", "compiling JavaScript"],
    ["Script", "compiling JavaScript"],
    ["(garbage collector)", "garbage collection"],
    ["Module._resolveFilename", "finding files"],
    ["readFileSync", "reading files"],
    ["compileForInternalLoader", "parts of Node"],
]);

/** The package that a function is in: by its file, or in a bundle by the module's own name. */
function labelOf({ functionName, url }) {
    const [, inPackage] = /node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(`${functionName} ${url}`) ?? [];
    if (inPackage) {
        return inPackage.replace("\\", "/");
    }
    if (url === "" || url.startsWith("node:")) {
        return OWN.get(functionName);
    }
    return url.includes(".sandbox") ? undefined : "this project";
}

/**
 * Microseconds of CPU by stack. Samples are taken by the clock, also while the process waits for a processor: they say
 * how the CPU time that it used is shared out.
 */
function fold(file, into) {
    const { nodes, samples, timeDeltas, cpuMicroseconds } = JSON.parse(readFileSync(file, "utf8"));
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
    const process = file.split(/[\\/]/).at(-1).split(".")[0];
    const busy = samples.flatMap((sample, index) =>
        byId.get(sample).callFrame.functionName === "(idle)" ? [] : [[sample, timeDeltas[index]]],
    );
    const scale = cpuMicroseconds / busy.reduce((sum, [, delta]) => sum + delta, 0);
    busy.forEach(([sample, delta]) => {
        const labels = [];
        for (let id = sample; id !== undefined; id = parents.get(id)) {
            const label = labelOf(byId.get(id).callFrame);
            if (label) {
                labels.unshift(label);
            }
        }
        const stack = [process, ...new Set(labels)].join(";");
        into.set(stack, (into.get(stack) ?? 0) + delta * scale);
    });
}

const [folder] = process.argv.slice(2);
const stacks = new Map();
for (const file of readdirSync(folder).filter((name) => name.endsWith(".cpuprofile"))) {
    fold(join(folder, file), stacks);
}
for (const [stack, microseconds] of [...stacks].sort()) {
    process.stdout.write(`${stack} ${Math.round(microseconds / 1000)}\n`);
}
