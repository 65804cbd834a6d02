// What the cluster says of its nodes is nobody's word: nothing gets into an address, a shell or a pod but what is a
// name there.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleaningPod } from "../../../components/capture/cleaning";
import { checkTarget, podName, snapshotName } from "../../../components/capture/names";
import { parseArmId } from "../../../components/azure/ids";
import { parseProviderId } from "../../../components/node/providerId";

const SCALE_SET =
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/k8s-pool1-vmss";
const TARGET = { version: "2026.1122.0412", node: "k8s-pool1-vmss00000b", scaleSetId: SCALE_SET, instanceId: "11" };

/** What means something in an address, to a shell, in YAML or on a terminal. */
const MEANING = [
    ...["/", "..", "%2e%2e", "?", "#", "&", "%", "%00", ":", "@", "\\", "//evil.example/"],
    ...["$(reboot)", "`reboot`", ";", "|", "&&", "'", '"', "$HOME", "*", "~", " ", "\n", "\r\n", "\t", "\u0000"],
    ...["- ", ": ", "{}", "[", "!!js", "\u001b[31m", "\u202e", "\u2028", "é", "A", "_", "-", ".", "=", "--help"],
];
const meaning = fc.constantFrom(...MEANING);
const plain = fc.stringMatching(/^[a-z0-9.-]{0,12}$/);
/** Any text at all; and text that is nearly a name, with something in it that means something. */
const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.tuple(plain, meaning, plain).map((parts) => parts.join("")),
    fc.tuple(plain, fc.constantFrom(300, 100_000)).map(([text, times]) => `a${text}`.repeat(times)),
);

function accepted(change: Partial<typeof TARGET>): boolean {
    try {
        checkTarget({ ...TARGET, ...change });
        return true;
    } catch (error) {
        // One short line, whatever was in it.
        expect((error as Error).message).toMatch(/^[^\p{Cc}]{1,700}$/u);
        return false;
    }
}

const refusedOr = (name: keyof typeof TARGET, holds: (text: string) => boolean) =>
    fc.assert(
        fc.property(hostile, (text) => !accepted({ [name]: text }) || holds(text)),
        { numRuns: 2000 },
    );

describe("what becomes part of a name", () => {
    test("is a node's name as Kubernetes has them, or is refused", () => {
        refusedOr(
            "node",
            (text) => text.length <= 253 && text.split(".").every((label) => /^[a-z0-9]+(-+[a-z0-9]+)*$/.test(label)),
        );
    });

    test("is a version of three numbers, or is refused", () => {
        refusedOr("version", (text) => /^[0-9]+\.[0-9]+\.[0-9]+$/.test(text) && text.length <= 32);
    });

    test("is an instance's number, or is refused", () => {
        refusedOr("instanceId", (text) => /^[0-9]{1,20}$/.test(text));
    });

    test("is refused with each single thing that means something elsewhere", () => {
        for (const text of MEANING.filter((one) => !["A", "_", "-", "."].includes(one))) {
            for (const name of ["node", "version", "instanceId", "scaleSetId"] as const) {
                // A name may well have dots and hyphens in it, and even end with them in Azure.
                const after = /^[\w.-]+$/.test(text) ? [] : [`${TARGET[name]}${text}`];
                const spoiled = [`${text}${TARGET[name]}`, ...after, text];
                expect(spoiled.filter((one) => accepted({ [name]: one }))).toEqual([]);
            }
        }
    });
});

describe("an ARM id that is accepted", () => {
    const part = fc.oneof(
        plain,
        meaning,
        fc.tuple(plain, meaning, plain).map((parts) => parts.join("")),
    );
    const id = fc
        .tuple(part, part, part, part)
        .map(([a, b, c, d]) => `/subscriptions/${a}/resourceGroups/${b}/providers/Microsoft.Compute/${c}/${d}`);
    const ids = fc.oneof(
        id,
        part.map((one) => SCALE_SET + one),
        part.map((one) => SCALE_SET.replace("rg", one)),
    );

    const pathOf = (text: string) => decodeURIComponent(new URL(`https://management.azure.com${text}`).pathname);

    test("is the very path that is asked for: nothing in it leads elsewhere, ends it or adds a query", () => {
        fc.assert(
            fc.property(ids, (text) => {
                if (accepted({ scaleSetId: text })) {
                    expect(pathOf(text)).toBe(text);
                    const { subscriptionId, resourceGroup, names } = parseArmId(text);
                    for (const one of [subscriptionId, resourceGroup, ...names]) {
                        // Letters of any script are encoded on the way; nothing else may need that.
                        expect(one).toMatch(/^[\p{L}\p{Mn}\p{Nd}\p{Pc}().-]+$/u);
                    }
                }
            }),
            { numRuns: 5000 },
        );
    });

    test("is so in a node's provider id as well", () => {
        fc.assert(
            fc.property(ids, hostile, (text, instance) => {
                const parsed = parseProviderId(`azure://${text}/virtualMachines/${instance}`);
                if (parsed && accepted(parsed)) {
                    const path = `${parsed.scaleSetId}/virtualMachines/${parsed.instanceId}`;
                    expect(pathOf(path)).toBe(path);
                }
            }),
        );
    });
});

test("whatever node it is for, a cleaning pod runs the same command, and has the name in variables alone", () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/);
    const nodes = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join("."));
    const place = { version: TARGET.version, namespace: "kamino-capture", image: "busybox:1.37.0" };
    const containersOf = (node: string) => {
        const { initContainers = [], containers = [] } = cleaningPod({ ...place, node }).spec ?? {};
        return [...initContainers, ...containers];
    };
    const usual = containersOf(TARGET.node).map((container) => ({ ...container, env: undefined }));
    fc.assert(
        fc.property(nodes, (node) => {
            fc.pre(accepted({ node }));
            const containers = containersOf(node);
            expect(containers.map((container) => ({ ...container, env: undefined }))).toEqual(usual);
            for (const { env } of containers) {
                expect(env).toContainEqual({ name: "KAMINO_NODE", value: node });
            }
            for (const name of [podName({ ...place, node }), snapshotName({ ...TARGET, pool: "pool1", node })]) {
                expect(encodeURIComponent(name)).toBe(name);
            }
        }),
    );
});
