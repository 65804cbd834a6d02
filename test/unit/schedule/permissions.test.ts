// The ready files in deploy/permissions/ say the same as the code, give nothing by wildcard, and docs/permissions.md
// explains each of them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { V1ClusterRole, V1Namespace, V1Role } from "@kubernetes/client-node";
import { expect, test } from "vitest";
import { EVENT_NAMESPACE } from "../../../components/capture/nodeEvent";
import { podSecurity } from "../../../components/capture/pods";
import {
    captureRules,
    clusterRules,
    eventRules,
    machinePoolGateRules,
    machinePoolRules,
    machinesRules,
    workloadKubeconfigRules,
    type Rule,
} from "../../../components/schedule/permissions";
import { repository } from "../../../sandbox/engine/paths";
import { azureRole, manifest, manifests, verbsOf } from "../../permissions/support";

const AZURE = [
    "kamino-preview",
    "kamino-up",
    "kamino-up-copy",
    "kamino-regions",
    "kamino-flexible",
    "kamino-machines-preview",
    "kamino-machines-up",
];
const KUBERNETES = ["preview", "up", "up-copy", "force", "machine-pools", "machines", "workload-kubeconfig"];
const captureNamespaces = ["kamino-capture"];
const page = readFileSync(join(repository, "docs", "permissions.md"), "utf8");

const rulesOf = (file: string) => manifest<V1ClusterRole>(file, "ClusterRole").rules as Rule[];

test.each(["preview", "up"] as const)("%s.yaml has the rules of a scheduled %s", (mode) => {
    expect(rulesOf(mode)).toEqual(clusterRules({ mode, force: false, captureNamespaces }));
});

test("machine-pools.yaml has what a MachinePool's namespace needs, and reads whether CAPZ has its gate", () => {
    const [preview, up, gate] = manifests("machine-pools") as V1ClusterRole[];
    expect([preview.rules, up.rules]).toEqual([machinePoolRules("preview"), machinePoolRules("up")]);
    expect(gate).toMatchObject({ kind: "Role", metadata: { namespace: "capz-system" }, rules: machinePoolGateRules });
    expect(gate.rules).toEqual([
        { apiGroups: ["apps"], resources: ["deployments"], resourceNames: ["capz-controller-manager"], verbs: ["get"] },
    ]);
});

test("machines.yaml has what the namespace of a MachineDeployment or MachineSet needs", () => {
    const [preview, up] = manifests("machines") as V1ClusterRole[];
    expect([preview.rules, up.rules]).toEqual([machinesRules("preview"), machinesRules("up")]);
});

test("workload-kubeconfig.yaml gets one Secret by its name, and nothing else", () => {
    const [role, ...more] = manifests("workload-kubeconfig") as V1Role[];
    expect([role.kind, role.metadata?.namespace, more]).toEqual(["Role", "default", []]);
    expect(role.rules).toEqual(workloadKubeconfigRules({ namespace: "default", name: "c1" }));
    expect(role.rules).toEqual([
        { apiGroups: [""], resources: ["secrets"], resourceNames: ["c1-kubeconfig"], verbs: ["get"] },
    ]);
});

test("force.yaml has what is added where pods are forced off a node", () => {
    const forced = clusterRules({ mode: "up", force: true, captureNamespaces });
    expect([...rulesOf("up"), ...rulesOf("force")]).toEqual(forced);
});

test.each([
    ["up", "privileged", undefined],
    ["up-copy", "baseline", ["copy" as const]],
] as const)(
    "%s.yaml has the capture namespace, as a capture would make it, and the rules in it",
    (file, level, capture) => {
        const { metadata } = manifest<V1Namespace>(file, "Namespace");
        expect(metadata).toMatchObject({ name: captureNamespaces[0], labels: podSecurity(level) });
        const role = manifest<V1Role>(file, "Role");
        expect(role.metadata?.namespace).toBe(captureNamespaces[0]);
        expect(role.rules).toEqual(captureRules(capture && [...capture]));
    },
);

test.each(["up", "up-copy"])("%s.yaml lets an up write Events on nodes, in the namespace where these are", (file) => {
    const roles = manifests(file).filter((one): one is V1Role => one.kind === "Role");
    expect(roles.map(({ metadata }) => metadata?.namespace)).toEqual([captureNamespaces[0], EVENT_NAMESPACE]);
    expect(roles[1].rules).toEqual(eventRules);
});

test("up-copy.yaml has the rules of an up that only copies: no node is changed and no pod evicted", () => {
    expect(rulesOf("up-copy")).toEqual(clusterRules({ mode: "up", force: true, captureNamespaces, capture: ["copy"] }));
    const resources = rulesOf("up-copy").filter(({ verbs }) => verbs.some((verb) => /create|patch|delete/.test(verb)));
    expect(resources.map(({ resources: [name] }) => name)).toEqual(["daemonsets", "persistentvolumes"]);
});

test("the lock is held on the DaemonSets that the settings name", () => {
    const rules = clusterRules({ mode: "up", force: false, captureNamespaces, kuredDaemonSets: ["a", "b"] });
    const verbs = rules.filter(({ resources }) => resources.includes("daemonsets"));
    expect(verbs.map(({ resourceNames, verbs }) => [resourceNames, verbs])).toEqual([
        [undefined, ["list"]],
        [
            ["a", "b"],
            ["get", "patch"],
        ],
    ]);
});

test("the role of an up that only copies has no right over a VM's power", () => {
    const { Actions } = azureRole("kamino-up-copy");
    expect(Actions.filter((action) => /virtualMachines\/.*action$/.test(action))).toEqual([]);
    expect(azureRole("kamino-up").Actions).toEqual(expect.arrayContaining(Actions));
});

test("preview.yaml has nothing in a namespace", () => {
    expect(manifests("preview").map(({ kind }) => kind)).toEqual(["ClusterRole"]);
});

test.each(AZURE)("%s is a custom role as az takes it, each action once and in order, without a wildcard", (name) => {
    const { Actions, AssignableScopes, ...rest } = azureRole(name);
    expect(rest).toMatchObject({ Name: name, IsCustom: true, NotActions: [], DataActions: [], NotDataActions: [] });
    expect(Actions).toEqual([...new Set(Actions)].sort());
    expect(Actions.filter((action) => !/^Microsoft(\.\w+)(\/\w+)+\/(read|write|delete|action)$/.test(action))).toEqual(
        [],
    );
    expect(AssignableScopes).toEqual(["/subscriptions/00000000-0000-0000-0000-000000000000"]);
});

test("the role of a preview only reads, and the one of an up has all of it", () => {
    const { Actions } = azureRole("kamino-preview");
    expect(Actions.filter((action) => !action.endsWith("/read"))).toEqual([]);
    expect(azureRole("kamino-up").Actions).toEqual(expect.arrayContaining(Actions));
});

test("the page explains every action and every verb", () => {
    const actions = AZURE.flatMap((name) => azureRole(name).Actions);
    expect(actions.filter((action) => !page.includes(`\`${action.replace("Microsoft.Compute/", "")}\``))).toEqual([]);
    const verbs = verbsOf(KUBERNETES.flatMap(manifests)).map(({ resource, verb }) => `\`${resource}\` ${verb}`);
    expect(verbs.filter((verb) => !page.includes(verb))).toEqual([]);
});
