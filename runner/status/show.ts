// How a stack's pools stand, for people and for programs. Pure.
import { roundedDown } from "../../components/core/duration";
import { compareVersions, includesVersion, momentOf, sameVersion } from "../../components/core/version";
import { shortImage } from "../../components/pool/foreignChanges";
import { proofOf, type Proof, type ProofRules } from "../../components/selection/proof";
import { describeFailure } from "../../components/selection/verdict";
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
    /** What its machines say of it, unless the configuration has the last word. */
    proof?: Proof["state"] | "rejected" | "trusted";
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

/** What an image is judged by: its machines, and what the configuration says of it. */
export type StatusRules = ProofRules & { reject?: string[]; trust?: string[] };

/** Works out how a pool stands. */
export function statusOf(facts: PoolFacts, now: Date, rules: StatusRules): PoolStatus {
    const { name, output, gallery, unfinished, leftovers } = facts;
    const nameOf = (image: string) => shortImage(image, facts.definition);
    const versions = gallery
        .map(({ version }) => version)
        .sort(compareVersions)
        .reverse();
    const made = [...facts.machines].map(([image, machines]) => ({ image: nameOf(image), machines }));
    const others = made.map(({ image }) => image).filter((image) => !versions.some((each) => isSame(each, image)));
    const images = [...versions, ...new Set(others.sort())].map((image): ImageStatus => {
        const machines = made.filter((each) => isSame(each.image, image)).flatMap((each) => each.machines);
        const version = gallery.find((each) => each.version === image);
        const { state, late } = proofOf(machines, now, rules);
        return {
            image,
            current: isSame(image, nameOf(facts.image)),
            machines: machines.length,
            ready: machines.filter(({ ready }) => ready).length,
            ...(version && { ...versionFacts(version, now), proof: judged(image, state, rules) }),
            late,
        };
    });
    const wrote = output.model?.image;
    const attention = [
        ...(wrote === undefined ? [] : foreign(nameOf(facts.image), nameOf(wrote))),
        ...images
            .filter(({ proof }) => proof === "failed")
            .map(({ image, machines, late }) => describeFailure({ version: image, machines, late })),
        ...unfinished.map(({ node, state, version }) => `node ${node}: its capture for image ${version} is ${state}`),
        ...leftovers.map(
            (each) => `${each}: of a capture that is under way or was interrupted; the next up uses or removes it`,
        ),
    ];
    return { pool: name, scaleSetId: output.scaleSetId, explanation: output.explanation, images, attention };
}

function judged(image: string, state: Proof["state"], { reject = [], trust = [] }: StatusRules): ImageStatus["proof"] {
    return includesVersion(reject, image) ? "rejected" : includesVersion(trust, image) ? "trusted" : state;
}

function versionFacts({ version, state, node }: PoolFacts["gallery"][number], now: Date): Partial<ImageStatus> {
    const made = momentOf(version);
    return {
        ...(state !== "Succeeded" && { state }),
        ...(made && { age: roundedDown(now.getTime() - made.getTime()) }),
        donor: node,
    };
}

function foreign(now: string, wrote: string): string[] {
    const line = `new machines start from ${now}, and this stack left the model at ${wrote}: somebody else has changed it`;
    return isSame(now, wrote) ? [] : [line];
}

/** Whether two names are of the same image: ids are compared without case, versions by their numbers. */
function isSame(a: string, b: string): boolean {
    return a.toLowerCase() === b.toLowerCase() || sameVersion(a, b);
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
