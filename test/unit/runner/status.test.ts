// `npm run status`: what a person reads.
import { describe, expect, it } from "vitest";
import type { MachineAndNode } from "../../../components/selection/proof";
import type { PoolFacts } from "../../../runner/status/read";
import { statusOf } from "../../../runner/status/show";
import { render } from "../../../runner/status/text";
import { NOW, ago, definitionOf, poolFacts, poolStatus, settingsOf } from "./statusExamples";

const RULES = { minimumReadyTimeMs: 3_600_000, newNodeTimeoutMs: 900_000 };
const machine = { name: "n", running: true, ready: false, wasReady: false };
const ready = (minutes: number): MachineAndNode => ({
    ...{ ...machine, ready: true, madeAt: ago(minutes + 2), readySince: ago(minutes) },
});
const notReady = (minutes: number, name: string): MachineAndNode => ({ ...machine, name, madeAt: ago(minutes) });

const DEFINITION = definitionOf("pool1");
const version = (name: string) => `${DEFINITION}/versions/${name}`;
const from = (image: string) => ({ live: { image, rest: "" } });
const facts = (changes: Partial<PoolFacts> = {}): PoolFacts => ({
    ...poolFacts({ name: "pool1", nodes: 0, versions: [] }),
    state: {
        output: {
            adopted: true,
            scaleSetId: "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/pool1",
            version: "2026.1122.0412",
            versions: ["2026.1122.0412"],
            explanation: "node a, reboot needed 2026-11-22 04:12Z, image 2026.1122.0412",
            model: { image: version("2026.1122.0412"), rest: "" },
        },
        selection: {},
    },
    ...from(version("2026.1122.412")),
    gallery: [
        { version: "2026.1121.0409", state: "Succeeded", attempt: 1, node: "b" },
        { version: "2026.1122.412", state: "Updating", attempt: 1, node: "a" },
    ],
    machines: new Map([
        [version("2026.1122.412").toLowerCase(), [ready(90), ready(3)]],
        ["microsoft-aks:aks:ubuntu:2021.12.07", [ready(5000)]],
    ]),
    ...changes,
});

describe("the status of a pool", () => {
    it("is a table of its images, newest first, with the machines that were made from each", () => {
        const lines = render([statusOf(facts(), NOW, RULES)], NOW).split("\n");
        expect([lines[0], ...lines.slice(3, 7)]).toEqual([
            "pool1: node a, reboot needed 2026-11-22 04:12Z, image 2026.1122.0412",
            "    image                                age  machines  Ready  proof     from node",
            "  * 2026.1122.412 (Updating)             3d   2         2      proven    a",
            "    2026.1121.0409                       4d   0         0      unproven  b",
            "    microsoft-aks:aks:ubuntu:2021.12.07       1         1",
        ]);
    });

    it("says what an up would do and why, and which node runs what, was rebooted when, and is a candidate or why not", () => {
        const status = poolStatus({ name: "k8s-p-1-vmss", nodes: 3, versions: [60] });
        expect(render([status], NOW).split("\n")).toEqual([
            "k8s-p-1-vmss: image 2026.1123.0000 from node k8s-p-1-vmss000000",
            "  an up would make image 2026.1123.2013 of the OS disk of node k8s-p-1-vmss000001, from a copy: the node goes on; point the model at image 2026.1123.2013",
            "  node k8s-p-1-vmss000001, reboot needed 2026-11-23 19:00Z, rebooted 2026-11-23 20:13Z, ready 39h, image 2026.1123.0000 → 2026.1123.2013 (3 nodes: 1 without a reboot annotation, 1 not newer than the image, 1 fits); capture by a copy: the node goes on (the cluster has disk.csi.azure.com)",
            "    image                         age  machines  Ready  proof   from node",
            "  * 2026.1123.0000                2d   1         1      proven  k8s-p-1-vmss000000",
            "    microsoft-aks:aks:2021.12.07       2         2",
            "    node                made from image               Ready for  need seen          rebooted           candidate",
            "    k8s-p-1-vmss000001  microsoft-aks:aks:2021.12.07  39h        2026-11-23 19:00Z  2026-11-23 20:13Z  yes",
            "    k8s-p-1-vmss000000  microsoft-aks:aks:2021.12.07  2d         2026-11-22 23:00Z  2026-11-23 00:00Z  not newer than the image",
            "    k8s-p-1-vmss000002  2026.1123.0000                2d                                               without a reboot annotation",
            "",
            expect.stringMatching(
                /^\(What an up would do: by the rules of a preview, .*npm run preview has the last word/,
            ),
        ]);
    });

    it("shows twenty nodes of many, candidates first, and where the others are", () => {
        const lines = render([poolStatus({ name: "large", nodes: 100, versions: [200] })], NOW).split("\n");
        expect(lines.filter((line) => line.startsWith("    large"))).toHaveLength(20);
        expect(lines.find((line) => line.startsWith("    large"))).toMatch(/ yes$/);
        expect(lines).toContain("    and 80 more: --json and --html show all");
    });

    it("has no forecast for a pool that the configuration does not name any more", () => {
        const { next, attention } = statusOf(facts({ settings: undefined }), NOW, RULES);
        expect(next).toEqual({
            steps: ["leave the scale set as it is: the configuration does not name this pool any more"],
        });
        expect(attention).toEqual([]);
    });

    it("says why an up would stop, and then of each node what the rules say of it", () => {
        const way = { stops: "kamino:capture is copy, but the cluster does not have the driver" };
        const status = poolStatus({ name: "k8s-p-1-vmss", nodes: 3, versions: [60] }, { way });
        expect(status.next).toEqual({ steps: [], stops: way.stops });
        expect(status.attention).toEqual([`an up stops: ${way.stops}`]);
        expect(status.nodes.map(({ candidate }) => candidate)).toEqual([false, true, false]);
        const settings = settingsOf("k8s-p-1-vmss", { pin: "2026.1101.0000" });
        const pinned = poolStatus({ name: "k8s-p-1-vmss", nodes: 3, versions: [60] }, { settings });
        expect(pinned.next.stops).toMatch(/^kamino:pools, pool "k8s-p-1-vmss", pin: there is no image version/);
    });

    it("goes back from an image that failed, lets old images go, and restores what a capture has left", () => {
        const failed = poolStatus({ name: "k8s-p-1-vmss", nodes: 6, versions: [20, 45, 92] });
        expect(failed.next.steps).toEqual(["point the model at image 2026.1121.1600"]);
        const old = poolStatus({ name: "k8s-p-1-vmss", nodes: 12, versions: [3, 30, 60, 90] });
        expect(old.next.steps).toContain("let image 2026.1121.1800 go (maxHistory)");
        const unfinished = [{ node: "a", state: "dead", version: "2026.1122.0412", cordoned: true } as const];
        expect(statusOf(facts({ unfinished }), NOW, RULES).next.steps).toContain(
            "restore node a, whose capture was cut off",
        );
    });

    it("keeps what the state knows of an image whose machines have gone", () => {
        const choice = { version: "2026.1121.0409", node: "b", instanceId: "1", rebootNeededAt: "", attempt: 1 };
        const late = { version: "2026.1122.412", machines: 2, late: ["x", "y"] };
        const { output } = facts().state;
        const selection = { versions: [{ ...choice, proven: true }], failed: [late] };
        const changes = { state: { output, selection }, machines: new Map<string, MachineAndNode[]>() };
        const { images, attention } = statusOf(facts(changes), NOW, RULES);
        expect(images.map(({ proof }) => proof)).toEqual(["failed", "proven"]);
        expect(attention).toEqual([
            "image 2026.1122.412 failed: 2 of 2 machines made from it not Ready in time (x, y)",
        ]);
    });

    it("names an image that failed, and the machines", () => {
        const machines = new Map([[version("2026.1122.412").toLowerCase(), [notReady(20, "x"), notReady(1, "y")]]]);
        expect(statusOf(facts({ machines }), NOW, RULES).attention).toEqual([
            "image 2026.1122.412 failed: 1 of 2 machines made from it not Ready in time (x)",
        ]);
    });

    it("has the configuration's word on an image before that of its machines", () => {
        const machines = new Map([[version("2026.1122.412").toLowerCase(), [notReady(20, "x")]]]);
        const rules = { ...RULES, trust: ["2026.1122.0412"], reject: ["2026.1121.0409"] };
        const { images, attention } = statusOf(facts({ machines }), NOW, rules);
        expect(images.map(({ proof }) => proof)).toEqual(["trusted", "rejected"]);
        expect(attention).toEqual([]);
    });

    it("says that somebody else has changed the image", () => {
        const image = "Canonical:ubuntu:22_04-lts:latest";
        expect(statusOf(facts(from(image)), NOW, RULES).attention).toEqual([
            "new machines start from Canonical:ubuntu:22_04-lts:latest, and this stack left the model at 2026.1122.0412: " +
                "somebody else has changed it",
        ]);
    });

    it("counts machines of a version of the same name in another gallery apart", () => {
        const elsewhere = version("2026.1122.412").replace("/galleries/g/", "/galleries/h/");
        const machines = new Map([[elsewhere, [ready(90)]]]);
        expect(statusOf(facts({ machines }), NOW, RULES).images).toMatchObject([
            { image: "2026.1122.412", machines: 0, proof: "unproven" },
            { image: "2026.1121.0409", machines: 0 },
            { image: "h/pool1/2026.1122.412", machines: 1, current: false },
        ]);
    });

    it("says what else somebody else has changed of the model", () => {
        const image = version("2026.1122.0412");
        const { state } = facts();
        const output = { ...state.output, model: { image, rest: "", extensions: [] } };
        const live = { image, rest: "", extensions: ["vmssCSE (Microsoft.Azure.Extensions/CustomScript)"] };
        const { attention, next } = statusOf(facts({ live, state: { ...state, output } }), NOW, RULES);
        expect(attention).toEqual([
            "extension vmssCSE (Microsoft.Azure.Extensions/CustomScript) was added: somebody else has changed it",
        ]);
        expect(next.stops).toMatch(
            /^extension vmssCSE .* was added since the last run, and kamino:onForeignChange is stop$/,
        );
    });

    it("takes no other spelling of the same version for a change", () => {
        expect(statusOf(facts(), NOW, RULES).attention).toEqual([]);
    });

    it("says what it may not read, which is nothing to look at", () => {
        const unknown = ["whether captures have left snapshots is not known: the right is missing"];
        const status = statusOf(facts({ unknown }), NOW, RULES);
        expect(status.attention).toEqual([]);
        expect(render([status], NOW)).toContain(`\n  (${unknown[0]})\n`);
    });

    it("names what captures have left", () => {
        const unfinished = [{ node: "a", state: "dead", version: "2026.1122.0412", cordoned: true } as const];
        const { attention } = statusOf(facts({ unfinished, leftovers: ["disk kamino-a-copy"] }), NOW, RULES);
        expect(attention).toEqual([
            "node a: its capture for image 2026.1122.0412 is dead",
            "disk kamino-a-copy: of a capture that is under way or was interrupted; the next up uses or removes it",
        ]);
    });
});
