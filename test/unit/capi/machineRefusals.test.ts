// Which MachineDeployments and MachineSets may be changed, and when.
import { describe, expect, it, test } from "vitest";
import { keepsMachines } from "../../../policies/contract";
import {
    machinesRefusal,
    strategyOfMachines,
    textOf,
    unsettledMachines,
} from "../../../components/capi/machineRefusals";
import { capiMachines, machine, type Difference } from "./machinesFacts";

const beta1 = (type?: string): Difference => ({
    apiVersion: "v1beta1",
    spec: { rollout: undefined, strategy: type === undefined ? undefined : { type } },
});

describe("another template replaces no machine", () => {
    test.each<[string, Difference, boolean]>([
        ["of strategy OnDelete", {}, true],
        ["of strategy OnDelete in v1beta1", beta1("OnDelete"), true],
        ["of strategy RollingUpdate", { spec: { rollout: { strategy: { type: "RollingUpdate" } } } }, false],
        ["of no strategy, which Cluster API takes for RollingUpdate", { spec: { rollout: {} } }, false],
        ["of no strategy in v1beta1", beta1(), false],
        ["of a MachineSet, which replaces none", { kind: "MachineSet" }, true],
    ])("%s", (_, difference, holds) => {
        const pool = capiMachines(difference);
        expect(machinesRefusal(pool, "key") === undefined).toBe(holds);
        expect(keepsMachines({ machines: textOf(pool), strategy: strategyOfMachines(pool) })).toBe(holds);
    });

    it.each([
        [
            "v1beta2",
            { spec: { rollout: {} } },
            '{"spec":{"rollout":{"strategy":{"type":"OnDelete","rollingUpdate":null}}}}',
        ],
        ["v1beta1", beta1(), '{"spec":{"strategy":{"type":"OnDelete","rollingUpdate":null}}}'],
    ])("else the line has the patch that makes it so, in %s", (version, difference, patch) => {
        expect(machinesRefusal(capiMachines(difference), "kamino:pools[0].machineDeployment")).toBe(
            "kamino:pools[0].machineDeployment: MachineDeployment default/md1 is refused: Cluster API would replace its machines once the " +
                "template changes (strategy RollingUpdate); make it keep them: kubectl -n default patch " +
                `machinedeployments.${version}.cluster.x-k8s.io md1 --type merge -p '${patch}'`,
        );
    });
});

describe("a pool is refused", () => {
    test.each<[string, Difference, string]>([
        ["that is being deleted", { metadata: { deletionTimestamp: new Date() } }, "it is being deleted"],
        [
            "of a ClusterClass",
            { metadata: { labels: { "topology.cluster.x-k8s.io/owned": "" } } },
            "it belongs to a ClusterClass",
        ],
        [
            "whose template a ClusterClass keeps",
            { template: { metadata: { labels: { "topology.cluster.x-k8s.io/owned": "" } } } },
            "it belongs to a ClusterClass",
        ],
        [
            "that is paused",
            { metadata: { annotations: { "cluster.x-k8s.io/paused": "" } } },
            "it or its Cluster is paused",
        ],
        ["that is paused by its spec", { spec: { paused: true } }, "it or its Cluster is paused"],
        ["whose Cluster is paused", { cluster: { uid: "u", paused: true } }, "it or its Cluster is paused"],
    ])("%s", (_, difference, said) => {
        expect(machinesRefusal(capiMachines(difference), "key")).toContain(
            `key: MachineDeployment default/md1 is refused: ${said}`,
        );
    });

    it("as a MachineSet that a MachineDeployment owns, which is named", () => {
        const ownerReferences = [{ apiVersion: "x", kind: "MachineDeployment", name: "md1", uid: "u" }];
        const set = capiMachines({ kind: "MachineSet", metadata: { name: "md1-abc", ownerReferences } });
        expect(machinesRefusal(set, "key")).toBe(
            "key: MachineSet default/md1-abc is refused: it belongs to MachineDeployment md1, whose template counts; name that " +
                "(machineDeployment: default/md1)",
        );
    });
});

describe("a pool is not at rest", () => {
    test.each<[string, Difference, string | undefined]>([
        ["at rest", {}, undefined],
        ["while one is to be made", { spec: { replicas: 3 } }, "3 machines are wanted, and Cluster API has 2"],
        ["while its status has more", { status: { replicas: 3 } }, "2 machines are wanted, and Cluster API has 2"],
        [
            "before Cluster API has looked",
            { status: { observedGeneration: 1 } },
            "Cluster API has not looked at its last change yet",
        ],
        [
            "while one is being deleted",
            { machines: [machine("a"), machine("b", { deletionTimestamp: new Date() })] },
            "b is being deleted",
        ],
        [
            "(one is wanted where none is said)",
            { spec: { replicas: undefined } },
            "1 machines are wanted, and Cluster API has 2",
        ],
    ])("%s", (_, difference, said) => {
        expect(unsettledMachines(capiMachines(difference))).toBe(said);
    });
});
