// The metrics of each pool: which image its next node starts from, whether images prove themselves, and how captures
// went. Pure.
import { CAPTURE_TYPE, IMAGE_VERSION_TYPE } from "../../components/core/resourceTypes";
import { includesVersion, momentOf, sameVersion } from "../../components/core/version";
import { NOT_HELD } from "../../components/selection/held";
import type { PoolFacts } from "../poolFacts";
import type { Operation } from "../timeline";
import type { RunFacts } from "./facts";
import type { Metric, Sample } from "./metric";

/** A metric with the label `pool` and one value for each pool that has one. */
function ofPool(name: string, help: string, value: (pool: PoolFacts, run: RunFacts) => number | undefined): Metric {
    const samples = (run: RunFacts) =>
        run.pools.flatMap((facts): Sample[] => {
            const found = value(facts, run);
            return found === undefined ? [] : [{ labels: { pool: facts.pool }, value: found }];
        });
    return { name, help, labels: ["pool"], samples };
}

/** A metric with the label `pool` and one more, which takes each of these values. */
function byLabel(
    name: string,
    help: string,
    label: string,
    counts: (pool: PoolFacts, run: RunFacts) => Record<string, number> | undefined,
): Metric {
    const samples = (run: RunFacts) =>
        run.pools.flatMap((facts) =>
            Object.entries(counts(facts, run) ?? {}).map(([key, value]) => ({
                labels: { pool: facts.pool, [label]: key },
                value,
            })),
        );
    return { name, help, labels: ["pool", label], samples };
}

const imageInfo: Metric = {
    name: "kamino_pool_image_info",
    help: "The image version that the pool's model points at, and the node that it was made of. Always 1.",
    labels: ["pool", "version", "node"],
    samples: ({ pools }) =>
        pools
            .filter(({ model }) => model)
            .map(({ pool, model: version = "", selection }) => ({
                labels: { pool, version, node: choiceOf(selection, version)?.node ?? "" },
                value: 1,
            })),
};

/** One series for each pool: a reason that has gone must not stay in a Pushgateway. */
const held: Metric = {
    name: "kamino_pool_held",
    help: "Whether something held back a new image of the pool in the last run, and what: 1, or 0 with the reason none.",
    labels: ["pool", "reason"],
    samples: ({ pools }) =>
        pools.flatMap(({ pool, outcome }) =>
            outcome ? [{ labels: { pool, reason: outcome.held }, value: Number(outcome.held !== NOT_HELD) }] : [],
        ),
};

export const POOL_METRICS: Metric[] = [
    imageInfo,
    ofPool(
        "kamino_pool_has_image",
        "Whether the pool's model points at an image of this stack's: 1, or 0.",
        ({ model, selection }) => selection && Number(model !== undefined && isOwn(selection, model)),
    ),
    held,
    ofPool(
        "kamino_pool_image_timestamp_seconds",
        "When kured saw the need for the reboot that the image of the pool's model was made after, as a Unix timestamp.",
        ({ model, selection }) => (model ? timestampOf(selection, model) : undefined),
    ),
    ofPool(
        "kamino_pool_image_pending",
        "Whether the pool's model is to point at another image than it does: 1, or 0.",
        ({ model = "", selection }) =>
            selection && Number(Boolean(selection.current) && !sameVersion(model, selection.current ?? "")),
    ),
    ofPool(
        "kamino_pool_image_attempts",
        "How often Azure was asked to make the pool's newest chosen image; more than 1 means that it has failed.",
        ({ selection }) => choiceOf(selection, selection?.current ?? "")?.attempt,
    ),
    ofPool(
        "kamino_pool_images_given_up",
        "Images of the pool that Azure has failed to make as often as it is tried: not tried again by themselves.",
        ({ selection }) => selection && (selection.givenUp ?? []).length,
    ),
    byLabel(
        "kamino_pool_images",
        "Image versions of the pool, by what the machines made from them say: proven, unproven or failed. None that is rejected.",
        "state",
        ({ selection, outcome }) => selection && imagesByState(selection, outcome?.rejected),
    ),
    ofPool(
        "kamino_pool_failed_image_machines",
        "Machines that had been made from images of the pool that have failed, when that was found.",
        ({ selection, outcome }) =>
            selection && failedOf(selection, outcome?.rejected).reduce((sum, { machines }) => sum + machines, 0),
    ),
    ofPool(
        "kamino_pool_foreign_changes",
        "Changes of the pool's model by somebody else that the last run found.",
        ({ selection, foreignChanges }) => foreignChanges ?? (selection && 0),
    ),
    byLabel(
        "kamino_pool_captures",
        "Captures of OS disks in the last run, by outcome: succeeded, failed or interrupted.",
        "outcome",
        ({ pool }, run) => (run.mode === "up" ? captures(madeOf(run, pool, CAPTURE_TYPE)) : undefined),
    ),
    ofPool(
        "kamino_pool_capture_duration_seconds",
        "How long the last run's capture of an OS disk took, if there was one.",
        ({ pool }, run) => longest(madeOf(run, pool, CAPTURE_TYPE)),
    ),
    ofPool(
        "kamino_pool_image_version_duration_seconds",
        "How long Azure took to make and replicate the last run's image version, if there was one.",
        ({ pool }, run) => longest(madeOf(run, pool, IMAGE_VERSION_TYPE)),
    ),
];

type Selection = NonNullable<PoolFacts["selection"]>;

/** Whether a version is one that this stack has made, or points its pool at. Another gallery has versions as well. */
function isOwn(selection: Selection, version: string): boolean {
    return sameVersion(version, selection.current ?? "") || choiceOf(selection, version) !== undefined;
}

function choiceOf(selection: Selection | undefined, version: string) {
    return selection?.versions?.find((choice) => sameVersion(choice.version, version));
}

function timestampOf(selection: Selection | undefined, version: string): number | undefined {
    const choice = choiceOf(selection, version);
    const said = Date.parse(choice?.rebootNeededAt ?? choice?.patched ?? "");
    const moment = Number.isNaN(said) ? momentOf(version)?.getTime() : said;
    return moment === undefined ? undefined : moment / 1000;
}

function imagesByState(selection: Selection, rejected: string[] = []): Record<string, number> {
    const failed = failedOf(selection, rejected);
    const names = [...failed.map(({ version }) => version), ...rejected];
    const others = (selection.versions ?? []).filter(({ version }) => !includesVersion(names, version));
    const proven = others.filter((choice) => choice.proven).length;
    return { proven, unproven: others.length - proven, failed: failed.length };
}

/** One that is used although it has failed is trusted by the configuration; of one that it rejects a person knows. */
function failedOf({ failed = [], current = "" }: Selection, rejected: string[] = []) {
    return failed.filter(({ version }) => !sameVersion(version, current) && !includesVersion(rejected, version));
}

function captures(operations: Operation[]): Record<string, number> {
    const outcomes = ["succeeded", "failed", "interrupted"];
    return Object.fromEntries(
        outcomes.map((outcome) => [outcome, operations.filter((one) => one.outcome === outcome).length]),
    );
}

/** What this run has begun to make of a type for a pool: not what it only planned. */
function madeOf({ operations }: RunFacts, pool: string, type: string): Operation[] {
    return operations.filter(
        (one) =>
            one.type === type && one.pool === pool && one.outcome !== "planned" && one.operation.startsWith("create"),
    );
}

/** In seconds; undefined when there is none. */
function longest(operations: Operation[]): number | undefined {
    const seconds = operations.map(({ startedAt, endedAt }) => (endedAt - startedAt) / 1000);
    return seconds.length === 0 ? undefined : Math.max(...seconds);
}
