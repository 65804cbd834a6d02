// What a pool's history makes of the machines that were made from its images. Pure.
import { includesVersion, sameVersion } from "../core/version";
import type { Choice, FailedImage } from "./nodeSelection";
import { proofOf, type MachineAndNode, type ProofRules } from "./proof";
import { verdictOn, type Verdicts } from "./verdict";

/** What the pool's images have shown so far. */
export interface Proofs {
    /** The choices that became images, with `proven` at those whose machines have shown it. */
    built: Choice[];
    failed: FailedImage[];
}

/**
 * Whether machines are asked at all: only while the image that the model points at is one of these and has shown
 * nothing yet.
 *
 * @param live the version of this definition that the model points at, if it does
 */
export function asksForProof(built: Choice[], live: string | undefined, verdicts: Verdicts): boolean {
    const current = built.find(({ version }) => sameVersion(version, live ?? ""));
    return current !== undefined && !current.proven && verdictOn(current.version, verdicts) === undefined;
}

/**
 * The same choices and failures, with what the machines say of them.
 *
 * @param failed images that are known to have failed
 * @param machinesOf the machines that were made from a version
 */
export function withProofs(
    built: Choice[],
    failed: FailedImage[],
    machinesOf: (version: string) => MachineAndNode[],
    now: Date,
    rules: ProofRules,
): Proofs {
    const proofs = built.map((choice) => {
        const machines = machinesOf(choice.version);
        return { choice, machines: machines.length, ...proofOf(machines, now, rules) };
    });
    const known = failed.map(({ version }) => version);
    const found = proofs
        .filter(({ choice, state }) => state === "failed" && !includesVersion(known, choice.version))
        .map(({ choice, machines, late }) => ({ version: choice.version, machines, late }));
    return {
        built: proofs.map(({ choice, state }) => (state === "proven" ? { ...choice, proven: true } : choice)),
        failed: [...failed, ...found],
    };
}
