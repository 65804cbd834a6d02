// Which MachinePools may be changed, and when.
import { describe, expect, it, test } from "vitest";
import { neverRollsOut } from "../../../policies/contract";
import { capiRefusal, noRolloutOf, unsettled } from "../../../components/capi/refusals";
import { capiPool, type Difference } from "./facts";

const rollingUpdate = (maxSurge?: number | string, maxUnavailable?: number | string) => ({
    spec: { strategy: { rollingUpdate: { maxSurge, maxUnavailable } } },
});
const managed = (value: string) => ({
    metadata: { namespace: "default", name: "mp1", annotations: { "cluster.x-k8s.io/replicas-managed-by": value } },
});

describe("a changed image replaces no machine", () => {
    test.each<[string, Difference, boolean]>([
        ["without surge, none unavailable", {}, true],
        ["without surge as a percentage", rollingUpdate("0%", "0%"), true],
        ["without surge, none unavailable as a number", rollingUpdate(0, 0), true],
        ["with the defaults of an empty strategy", { spec: { strategy: {} } }, false],
        ["with no strategy at all", { spec: { strategy: undefined } }, false],
        ["with a surge", rollingUpdate(1, "0%"), false],
        ["with a surge of a few per cent, which is rounded up", rollingUpdate("1%", "0%"), false],
        ["with one unavailable", rollingUpdate(0, 1), false],
        ["with a few per cent unavailable, which are some of many", rollingUpdate(0, "10%"), false],
        ["with one unavailable and the gate", { ...rollingUpdate(0, 1), skipsModelReconciliation: true }, true],
        ["with one unavailable and no gate", { ...rollingUpdate(0, 1), skipsModelReconciliation: false }, false],
        ["with a surge and the gate", { ...rollingUpdate(1, 0), skipsModelReconciliation: true }, false],
        [
            "with a surge where another program sets the number",
            { ...rollingUpdate(1, 1), ...managed("external-autoscaler") },
            true,
        ],
        ["with a surge where nobody else does", { ...rollingUpdate(1, 1), ...managed("false") }, false],
    ])("%s", (_, difference, holds) => {
        expect(neverRollsOut(noRolloutOf(capiPool(difference)))).toBe(holds);
        expect(capiRefusal(capiPool(difference), "key") === undefined).toBe(holds);
    });

    it("else the line has the patch that makes it so", () => {
        expect(capiRefusal(capiPool(rollingUpdate(1, 0)), "kamino:pools[0].machinePool")).toBe(
            "kamino:pools[0].machinePool: MachinePool default/mp1 is refused: CAPZ would replace its machines once the image changes " +
                "(maxSurge 1, maxUnavailable 0); make it keep them: kubectl -n default patch azuremachinepool mp1 --type merge -p " +
                `'{"spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":0,"maxUnavailable":"0%"}}}}'`,
        );
    });

    test.each<[boolean | undefined, string]>([
        [undefined, ", and CAPZ is not seen to run with SkipMachinePoolModelReconciliation)"],
        [false, ", and CAPZ runs without SkipMachinePoolModelReconciliation)"],
    ])("else the line says what is known of the gate (%s)", (skipsModelReconciliation, said) => {
        expect(capiRefusal(capiPool({ ...rollingUpdate(0, 1), skipsModelReconciliation }), "key")).toContain(said);
    });

    it("else the line names the right by which the gate would be seen", () => {
        expect(capiRefusal(capiPool({ ...rollingUpdate(0, 1), gateForbidden: true }), "key")).toContain(
            "CAPZ is not seen to run with SkipMachinePoolModelReconciliation: the right to get Deployment " +
                "capz-system/capz-controller-manager is missing (kamino-machine-pools-gate in ",
        );
    });
});

describe("a pool is refused", () => {
    const metadata = (more: object) => ({ metadata: { namespace: "default", name: "mp1", ...more } });
    test.each<[string, Difference, string]>([
        ["that is being deleted", metadata({ deletionTimestamp: new Date() }), "it is being deleted"],
        [
            "of a ClusterClass",
            metadata({ labels: { "topology.cluster.x-k8s.io/owned": "" } }),
            "it belongs to a ClusterClass",
        ],
        ["that is paused", metadata({ annotations: { "cluster.x-k8s.io/paused": "" } }), "it or its Cluster is paused"],
        ["whose Cluster is paused", { clusterPaused: true }, "it or its Cluster is paused"],
        ["without a scale set", { spec: { providerID: "" } }, "CAPZ has made no scale set for it yet"],
    ])("%s", (_, difference, said) => {
        expect(capiRefusal(capiPool(difference), "key")).toContain(`key: MachinePool default/mp1 is refused: ${said}`);
    });
});

describe("a pool is not at rest", () => {
    test.each<[string, Difference, string | undefined]>([
        ["at rest", {}, undefined],
        [
            "while one is to be made",
            { machinePool: { replicas: 4 } },
            "4 machines are wanted, Cluster API sees 3 and Azure has 3",
        ],
        [
            "while Azure has more",
            { status: { azureMachinePool: { replicas: 4 } } },
            "3 machines are wanted, Cluster API sees 3 and Azure has 4",
        ],
        [
            "while Cluster API has not seen all",
            { status: { machinePool: { replicas: 2 } } },
            "3 machines are wanted, Cluster API sees 2 and Azure has 3",
        ],
        [
            "while a request of CAPZ's is under way",
            { status: { azureMachinePool: { replicas: 3, longRunningOperationStates: [{ type: "PUT" }] } } },
            "CAPZ has an operation under way in Azure (PUT)",
        ],
        [
            "while its scale set changes",
            { status: { azureMachinePool: { replicas: 3, provisioningState: "Updating" } } },
            "its scale set is Updating",
        ],
        [
            "(one is wanted where none is said)",
            { machinePool: { replicas: undefined } },
            "1 machines are wanted, Cluster API sees 3 and Azure has 3",
        ],
    ])("%s", (_, difference, said) => {
        expect(unsettled(capiPool(difference))).toBe(said);
    });
});
