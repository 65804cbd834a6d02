// How a stack's pools stand, for people and for programs. Pure.
import { roundedDown } from "../../components/core/duration";
import { compareVersions, momentOf, sameVersion } from "../../components/core/version";
import { proofOf, type Machine, type Proof, type ProofRules } from "./proof";
import type { PoolFacts } from "./read";

/** An image version of a pool, or another image that its machines were made from. */
export interface ImageStatus {
    /** The version, or an image that is not of the pool's definition. */
    image: string;
    /** Azure's word for its state, where it is not ready for use. */
    state?: string;
    /** Days and hours since the moment that it is named by. */
    age?: string;
    /** The node whose disk it is. */
    donor?: string;
    /** Whether new machines start from it. */
    current: boolean;
    machines: number;
    ready: number;
    proof?: Proof["state"];
    /** Machines that have not become Ready in time. */
    late: string[];
}

/** How one pool stands. */
export interface PoolStatus {
    pool: string;
    scaleSetId: string;
    /** What the last update decided, in its own words. */
    explanation: string;
    images: ImageStatus[];
    /** What somebody should look at, one line each. */
    attention: string[];
}

/** Works out how a pool stands. */
export function statusOf(facts: PoolFacts, now: Date, rules: ProofRules): PoolStatus {
    const { name, output, image, gallery, unfinished, leftovers } = facts;
    const machines = new Map([...facts.machines].map(([id, found]) => [shortName(id), found]));
    const current = shortName(image);
    const versions = gallery
        .map(({ version }) => version)
        .sort(compareVersions)
        .reverse();
    const others = [...machines.keys()].filter((each) => !versions.some((version) => isVersion(version, each))).sort();
    const images = [...versions, ...others].map((each): ImageStatus => {
        const found = [...machines].find(([key]) => isVersion(each, key) || each === key)?.[1] ?? [];
        const version = gallery.find(({ version }) => version === each);
        return {
            image: each,
            current: isVersion(each, current) || each === current,
            ...machineCounts(found),
            ...(version && versionFacts(version, found, now, rules)),
            late: proofOf(found, now, rules).late,
        };
    });
    const attention = [
        ...foreign(facts),
        ...images.filter(({ proof }) => proof === "failed").map(failedLine),
        ...unfinished.map(({ node, state, version }) => `node ${node}: its capture for image ${version} is ${state}`),
        ...leftovers.map(
            (each) => `${each}: of a capture that is under way or was interrupted; the next up uses or removes it`,
        ),
    ];
    return { pool: name, scaleSetId: output.scaleSetId, explanation: output.explanation, images, attention };
}

function machineCounts(machines: Machine[]): { machines: number; ready: number } {
    return { machines: machines.length, ready: machines.filter(({ ready }) => ready).length };
}

function versionFacts(
    { version, state, node }: PoolFacts["gallery"][number],
    machines: Machine[],
    now: Date,
    rules: ProofRules,
): Partial<ImageStatus> {
    const made = momentOf(version);
    return {
        ...(state !== "Succeeded" && { state }),
        ...(made && { age: roundedDown(now.getTime() - made.getTime()) }),
        donor: node,
        proof: proofOf(machines, now, rules).state,
    };
}

function failedLine({ image, machines, late }: ImageStatus): string {
    return `image ${image} failed: ${late.length} of ${machines} machines made from it not Ready in time (${late.join(", ")})`;
}

function foreign({ image, output }: PoolFacts): string[] {
    const wrote = output.model?.image;
    const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase() || isVersion(shortName(a), shortName(b));
    return wrote === undefined || same(wrote, image)
        ? []
        : [
              `new machines start from ${shortName(image)}, and this stack left the model at ${shortName(wrote)}: somebody else has changed it`,
          ];
}

/** A gallery image by its version, any other by its last part. */
function shortName(image: string): string {
    return image.split("/").at(-1) ?? image;
}

/** Azure may drop a leading zero of a name. */
function isVersion(version: string, name: string): boolean {
    return momentOf(version) !== undefined && momentOf(name) !== undefined && sameVersion(version, name);
}

/** All pools as a text for a terminal. */
export function render(pools: PoolStatus[]): string {
    return pools.map(renderPool).join("\n\n");
}

const HEAD = ["  image", "age", "machines", "Ready", "proof", "from node"];

function renderPool({ pool, explanation, images, attention }: PoolStatus): string {
    const rows = images.map(({ image, state, current, age = "", machines, ready, proof = "", donor = "" }) => {
        const name = `${current ? "*" : " "} ${image}${state ? ` (${state})` : ""}`;
        return [name, age, String(machines), String(ready), proof, donor];
    });
    const table = [HEAD, ...rows];
    const widths = HEAD.map((_, column) => Math.max(...table.map((row) => row[column].length)));
    const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ");
    return [
        `${pool}: ${explanation}`,
        ...table.map((row) => `  ${line(row)}`.trimEnd()),
        ...attention.map((each) => `  ! ${each}`),
    ].join("\n");
}
