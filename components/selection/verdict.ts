// Which image versions must not be used, by the configuration or by the machines made from them, and which one a pool
// uses then. Pure.
import { UserError } from "../core/errors";
import { compareVersions, includesVersion, sameVersion } from "../core/version";
import type { Choice, FailedImage } from "./nodeSelection";

/** What is known of versions besides that they are there. */
export interface Verdicts {
    /** Versions that the configuration rejects. */
    rejected: string[];
    /** Versions that the configuration trusts, whatever their machines say. */
    trusted: string[];
    /** Versions that failed: no machine made from them became a Ready node in time. */
    failed: FailedImage[];
}

/** A version that must not be used, and why. */
export type Verdict = { version: string } & ({ kind: "rejected" } | ({ kind: "failed" } & FailedImage));

/** Why a version must not be used; undefined for one that may. */
export function verdictOn(version: string, { rejected, trusted, failed }: Verdicts): Verdict | undefined {
    if (includesVersion(rejected, version)) {
        return { kind: "rejected", version };
    }
    const failure = failed.find((each) => sameVersion(each.version, version));
    return failure && !includesVersion(trusted, version) ? { kind: "failed", ...failure } : undefined;
}

/** The version to use, and the newer one that must not be, where there is one. */
export interface Usable {
    version: string;
    instead?: Verdict;
}

/**
 * The newest version. Where that must not be used: after a failure the newest one that has proven itself, and where the
 * configuration rejects it the newest of the others, since a person has looked.
 *
 * @param choices versions that this stack keeps
 * @param live the version of this definition that the model points at, if it does: a newer one is not gone back from
 * @throws UserError in one line when the model points at a version that must not be used, and there is none to go back
 *     to
 */
export function usable(pool: string, choices: Choice[], live: string | undefined, verdicts: Verdicts): Usable {
    const all = [...choices.map(({ version }) => version), ...(live === undefined ? [] : [live])];
    const newest = all.sort(compareVersions).at(-1) ?? "";
    const instead = verdictOn(newest, verdicts);
    if (!instead) {
        return { version: newest };
    }
    const others = all.filter((version) => !verdictOn(version, verdicts));
    const back = instead.kind === "failed" ? newestProven(others, choices, verdicts) : others.at(-1);
    if (back !== undefined) {
        return { version: back, instead };
    }
    if (live !== undefined && verdictOn(live, verdicts)) {
        throw new UserError(`kamino:pools, pool "${pool}": ${noWayBack(instead, others)}`);
    }
    return { version: live ?? "", instead };
}

/**
 * The pinned version, by the gallery's own spelling.
 *
 * @param images versions that machines can start from
 * @throws UserError in one line when it is not there, or must not be used
 */
export function pinned(pool: string, pin: string, images: string[], verdicts: Verdicts): string {
    const verdict = verdictOn(pin, verdicts);
    if (verdict) {
        throw new UserError(
            `kamino:pools, pool "${pool}", pin: ${describeVerdict(verdict)}; to use it all the same ${overruling(verdict)}`,
        );
    }
    const found = images.find((version) => sameVersion(version, pin));
    if (found === undefined) {
        throw new UserError(
            `kamino:pools, pool "${pool}", pin: there is no image version ${pin} in the gallery; there is ${[...images].sort(compareVersions).join(", ") || "none yet"}`,
        );
    }
    return found;
}

/** The version to go back to after a failure: never dropped from the history, however old. Empty when there is none. */
export function fallback(choices: Choice[], verdicts: Verdicts): string {
    const usable = choices.map(({ version }) => version).filter((version) => !verdictOn(version, verdicts));
    return newestProven(usable, choices, verdicts) ?? "";
}

function newestProven(versions: string[], choices: Choice[], { trusted }: Verdicts): string | undefined {
    const proven = choices.filter((choice) => choice.proven).map(({ version }) => version);
    const usable = versions.filter((version) => includesVersion([...proven, ...trusted], version));
    return usable.sort(compareVersions).at(-1);
}

function noWayBack(verdict: Verdict, others: string[]): string {
    const what = describeVerdict(verdict);
    if (others.length === 0) {
        return `${what}, and there is no other one to go back to: pin a version of the gallery (pin), or use it all the same (${overruling(verdict)})`;
    }
    return (
        `${what}, and none of ${others.join(", ")} has proven itself: go back to one of them with trust, or ` +
        `use ${verdict.version} all the same (${overruling(verdict)})`
    );
}

/** How a person lets a version be used all the same. */
function overruling({ kind }: Verdict): string {
    return kind === "failed" ? "add it to trust" : "take it out of reject";
}

/** `image 2026.1122.0412 failed: 2 of 2 machines made from it not Ready in time (a, b)`. */
export function describeVerdict(verdict: Verdict): string {
    return verdict.kind === "rejected"
        ? `image ${verdict.version} is rejected by the configuration (reject)`
        : describeFailure(verdict);
}

/** The same of a failed image. */
export function describeFailure({ version, machines, late }: FailedImage): string {
    return `image ${version} failed: ${late.length} of ${machines} machines made from it not Ready in time (${late.join(", ")})`;
}

/** Failed versions that are still worth knowing: those that are kept, and those that are newer than what is used. */
export function stillFailed(failed: FailedImage[], kept: Choice[], current: string): FailedImage[] {
    const known = kept.map(({ version }) => version);
    return failed.filter(({ version }) => compareVersions(version, current) > 0 || includesVersion(known, version));
}
