// The metrics of a run: what they say of which run, and that their number is bounded.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NEEDS_PERSON, type HeldReason, type SelectionOutcome } from "../../../components/selection/held";
import { METRICS } from "../../../runner/metrics/definitions";
import { factsOf, type EndedRun } from "../../../runner/metrics/facts";
import * as recorded from "./recorded";
import {
    BEGIN,
    BUMP,
    NOT_HELD_OUTCOME,
    choice,
    done,
    event,
    model,
    noted,
    phase,
    planned,
    runOf,
    selection,
} from "./recorded";

/** The values by the series' names, `stack` and `mode` left out. */
function valuesOf(run: EndedRun): Record<string, number> {
    const facts = factsOf({ stack: "prod", ...run });
    const series = METRICS.flatMap(({ name, samples }) =>
        samples(facts).map(({ labels, value }) => [
            [name.replace("kamino_", ""), ...Object.values(labels)].join(" "),
            value,
        ]),
    );
    return Object.fromEntries(series) as Record<string, number>;
}

const preview = phase("preview", 0, 10, BUMP.preview);
const up = phase("up", 10, 4012, BUMP.update);
const bump = runOf("up", [preview, up]);

describe("what the metrics say", () => {
    test("of a bump that is done", () => {
        expect(valuesOf(bump)).toMatchObject({
            ...{ run_success: 1, run_exit_code: 0, run_duration_seconds: 4012, run_retries: 0 },
            ...{ run_timestamp_seconds: BEGIN + 4012, run_last_success_timestamp_seconds: BEGIN + 4012 },
            ...{ "run_phase_duration_seconds preview": 10, "run_phase_duration_seconds up": 4002 },
            "run_resource_operations create succeeded": 2,
            "run_resource_operations update succeeded": 2,
            "run_resource_operations create failed": 0,
            [`pool_image_info pool1 ${BUMP.after} vmss00000b`]: 1,
            "pool_image_timestamp_seconds pool1": Date.parse("2026-11-22T04:12:30Z") / 1000,
            ...{ "pool_image_pending pool1": 0, "pool_image_attempts pool1": 1, "pool_foreign_changes pool1": 0 },
            ...{ "pool_images pool1 proven": 1, "pool_images pool1 unproven": 1, "pool_images pool1 failed": 0 },
            ...{ "pool_captures pool1 succeeded": 1, "pool_captures pool1 failed": 0 },
            "pool_capture_duration_seconds pool1": 388,
            "pool_image_version_duration_seconds pool1": 3600,
        });
    });

    test("of a preview: what is pending, and the image that the model has until then", () => {
        const values = valuesOf(runOf("preview", [preview], 2));
        expect(values).toMatchObject({
            ...{ run_success: 1, run_exit_code: 2, "pool_image_pending pool1": 1 },
            [`pool_image_info pool1 ${BUMP.before} vmss000001`]: 1,
            "run_resource_operations create planned": 2,
            "run_resource_operations update planned": 2,
        });
        expect(Object.keys(values).filter((name) => /capture|succeeded/.test(name))).toEqual([]);
    });

    test("of an update that obeys a plan: its own preview counts for nothing", () => {
        const again = phase("up", 0, 4012, [...BUMP.preview, ...BUMP.update]);
        const { "run_phase_duration_seconds preview": _own, ...values } = valuesOf(runOf("up", [again]));
        expect(values).toMatchObject({
            "run_resource_operations create succeeded": 2,
            [`pool_image_info pool1 ${BUMP.after} vmss00000b`]: 1,
        });
    });

    test("of a capture that failed: the model has the image before, and nothing is called done", () => {
        const { selection: chosen, capture } = BUMP.changes;
        const failed = [
            ...done(12, 12, chosen),
            event("resourcePreEvent", 12, capture),
            event("resOpFailedEvent", 72, capture),
        ];
        const run = runOf("up", [preview, phase("up", 10, 80, failed, false)], 1);
        expect(valuesOf(run)).toMatchObject({
            ...{ run_success: 0, run_exit_code: 1, "pool_image_pending pool1": 1 },
            [`pool_image_info pool1 ${BUMP.before} vmss000001`]: 1,
            ...{ "pool_captures pool1 succeeded": 0, "pool_captures pool1 failed": 1 },
            ...{ "pool_capture_duration_seconds pool1": 60, "run_resource_operations create failed": 1 },
        });
        expect(valuesOf(run)).not.toHaveProperty("run_last_success_timestamp_seconds");
    });

    test("of a run that was stopped in the middle: what had begun is interrupted", () => {
        const begun = phase("up", 10, 50, [event("resourcePreEvent", 12, BUMP.changes.capture)], false);
        expect(valuesOf(runOf("up", [preview, begun], 1))).toMatchObject({
            "pool_captures pool1 interrupted": 1,
            "pool_capture_duration_seconds pool1": 38,
        });
    });

    test.each([
        ["a foreign change", { foreign: { image: "a → b" } }, { "pool_foreign_changes pool1": 1 }],
        ["no foreign change any more", { foreign: {} }, { "pool_foreign_changes pool1": 0 }],
        [
            "an image that failed, with its machines",
            { change: { failed: [{ version: "2026.1122.0412", machines: 3, late: ["a"] }] } },
            { "pool_images pool1 failed": 1, "pool_images pool1 proven": 1, "pool_failed_image_machines pool1": 3 },
        ],
        [
            "an image that failed and is trusted all the same",
            { change: { failed: [{ version: "2026.1121.0409", machines: 3, late: ["a"] }] } },
            { "pool_images pool1 failed": 0, "pool_failed_image_machines pool1": 0 },
        ],
        [
            "an image that Azure had to be asked for again",
            { versions: [choice("2026.1121.0409", "a", { attempt: 2 })] },
            { "pool_image_attempts pool1": 2 },
        ],
        [
            "an image of an earlier version, which is known by its name",
            { versions: [{ version: "2026.1121.0409", node: "a", attempt: 1 }] },
            { "pool_image_timestamp_seconds pool1": Date.parse("2026-11-21T04:09:00Z") / 1000 },
        ],
        [
            "an image that failed and that the configuration rejects since: a person has looked",
            {
                change: { failed: [{ version: "2026.1122.0412", machines: 3, late: ["a"] }] },
                outcome: { rejected: ["2026.1122.412"] },
            },
            { "pool_images pool1 failed": 0, "pool_images pool1 proven": 1, "pool_failed_image_machines pool1": 0 },
        ],
        [
            "an image that Azure has failed to make as often as it is tried, long after the pool went back to the one before",
            { change: { givenUp: [{ version: "2026.1122.0412", node: "a" }] } },
            { "pool_images_given_up pool1": 1, "pool_image_attempts pool1": 1 },
        ],
        [
            "a pool with an image that nothing holds",
            { outcome: {} },
            { "pool_has_image pool1": 1, "pool_held pool1 none": 0 },
        ],
        ...Object.keys(NEEDS_PERSON).map((held): [string, Story, object] => [
            `a pool that is held by ${held}`,
            { outcome: { held: held as HeldReason } },
            { [`pool_held pool1 ${held}`]: 1 },
        ]),
    ])(
        "of %s",
        (_, { outcome, foreign, change, versions = BUMP.changes.selection.before.versions }: Story, expected) => {
            const after = selection("2026.1121.0409", versions, change);
            const events = [
                ...planned(1, { op: "same", type: recorded.SELECTION, name: "pool1", after }),
                ...planned(1, { op: "same", type: recorded.MODEL, name: "pool1", before: model("2026.1121.0409") }),
                ...(foreign
                    ? planned(1, { op: "update", type: recorded.FOREIGN, name: "pool1", after: { changes: foreign } })
                    : []),
                ...(outcome ? [noted({ ...NOT_HELD_OUTCOME, ...outcome })] : []),
            ];
            expect(valuesOf(runOf("preview", [phase("preview", 0, 2, events)]))).toMatchObject(expected);
        },
    );

    test("of an update that was tried again after a stale lock", () => {
        expect(valuesOf(runOf("up", [preview, phase("up", 10, 11, [], false), up]))).toMatchObject({ run_retries: 1 });
    });

    test("of a run that never reached the engine: that it failed, and nothing of pools", () => {
        const values = valuesOf(runOf("up", [], 1));
        expect(values).toMatchObject({ run_success: 0, run_exit_code: 1 });
        expect(Object.keys(values).filter((name) => name.startsWith("pool_"))).toEqual([]);
    });
});

test.each([
    ["another image than this stack's", { before: model() }],
    ["an image of somebody else's gallery", { before: model("1.0.3") }],
    ["a model that the run did not come to", undefined],
])("a pool with %s has no image, and a series that says so", (_, before) => {
    const events = [
        ...planned(1, { op: "same", type: recorded.SELECTION, name: "pool1", after: selection("", []) }),
        ...(before ? planned(1, { op: "same", type: recorded.MODEL, name: "pool1", ...before }) : []),
    ];
    const values = valuesOf(runOf("preview", [phase("preview", 0, 2, events)]));
    expect(values).toMatchObject({ "pool_has_image pool1": 0, "pool_images_given_up pool1": 0 });
    expect(Object.keys(values).filter((name) => /image_timestamp|held/.test(name))).toEqual([]);
});

test("what an up has found counts, not what its preview found before", () => {
    const found = (held: HeldReason | "none") => [noted({ ...NOT_HELD_OUTCOME, held })];
    const run = runOf("up", [phase("preview", 0, 1, found("noSpare")), phase("up", 1, 2, found("none"))]);
    const series = Object.entries(valuesOf(run)).filter(([name]) => name.startsWith("pool_held"));
    expect(series).toEqual([["pool_held pool1 none", 0]]);
});

interface Story {
    outcome?: Partial<SelectionOutcome>;
    foreign?: object;
    change?: object;
    versions?: object[];
}

test("names and units are as Prometheus' conventions want them, and counters are left to what does not end", () => {
    for (const { name, help, labels } of METRICS) {
        expect(name).toMatch(/^kamino_(run|pool)(_[a-z]+)+$/);
        expect(name).not.toMatch(/_total$|_(milliseconds|minutes|hours|ms)$/);
        expect(help).toMatch(/^[A-Z][^\n]*\.$/);
        expect(labels.every((label) => /^[a-z_]+$/.test(label))).toBe(true);
    }
    const names = METRICS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
});

test("the number of series is bounded by the number of pools, whatever happens in a run", () => {
    const version = fc.integer({ min: 0, max: 9999 }).map((minute) => `2026.1122.${minute}`);
    const pools = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { maxLength: 6 });
    fc.assert(
        fc.property(pools, fc.array(version, { maxLength: 30 }), (names, versions) => {
            const kept = versions.map((one, index) => choice(one, `node${index}`));
            const events = names.flatMap((pool) => [
                ...done(1, 2, { op: "update", type: recorded.SELECTION, name: pool, pool, after: selection("", kept) }),
                ...versions.flatMap((one) =>
                    done(2, 3, { op: "create", type: recorded.CAPTURE, name: `${pool}-${one}`, pool }),
                ),
                ...done(3, 4, { op: "update", type: recorded.MODEL, name: pool, pool, after: model(versions[0]) }),
            ]);
            // docs/metrics.md tells of these numbers.
            const countOf = (mode: "up" | "preview") =>
                Object.keys(valuesOf(runOf(mode, [phase(mode, 0, 5, events)]))).length;
            expect(countOf("up")).toBeLessThanOrEqual(23 + 17 * names.length);
            expect(countOf("preview")).toBeLessThanOrEqual(15 + 12 * names.length);
        }),
    );
});
