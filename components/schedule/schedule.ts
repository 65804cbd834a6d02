// What a daily run in the cluster needs: namespaces, an identity with its permissions, the settings, a CronJob.
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { EVENT_NAMESPACE } from "../capture/nodeEvent";
import { podSecurity } from "../capture/pods";
import { OWN_LABEL } from "../node/ownLabel";
import type { WorkloadCluster } from "../node/workloadKubeconfig";
import {
    captureRules,
    clusterRules,
    eventRules,
    machinePoolGateRules,
    machinePoolRules,
    machinesRules,
    ownRules,
    workloadKubeconfigRules,
    type Rule,
} from "./permissions";
import { podSpec, type Names } from "./pod";
import type { ScheduleSettings } from "./settings";

/** Keeps the cluster autoscaler from taking the node away under a run. */
const SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict";

/**
 * The schedule of one stack: as often as `cron` says, a Job runs the preview or the up of that stack in this cluster.
 *
 * Declared by a separate stack (the config key `kamino:schedule`): the identity of the run has no right to anything
 * here.
 */
export class Schedule extends pulumi.ComponentResource {
    /** Name of the CronJob, as in `kubectl -n NAMESPACE create job --from=cronjob/NAME now`. */
    readonly cronJob: pulumi.Output<string>;
    /** Name of the ConfigMap with the last report. */
    readonly report: pulumi.Output<string>;
    /** Namespace of both. */
    readonly namespace: pulumi.Output<string>;
    private readonly names: Names;
    private readonly labels: Record<string, string>;

    constructor(
        name: string,
        private readonly settings: ScheduleSettings,
        opts?: pulumi.ComponentResourceOptions,
    ) {
        super("kamino:index:Schedule", name, {}, opts);
        this.names = {
            serviceAccount: settings.name,
            settings: `${settings.name}-settings`,
            report: `${settings.name}-report`,
            lease: settings.name,
        };
        this.labels = { ...OWN_LABEL, "app.kubernetes.io/instance": settings.name };
        const namespaces = this.declareNamespaces();
        const account = this.declareIdentity(namespaces);
        const state = this.declareState(namespaces);
        const permissions = this.declarePermissions(account, namespaces);
        const cronJob = this.declareCronJob([account, ...state, ...permissions]);

        this.cronJob = cronJob.metadata.name;
        this.namespace = cronJob.metadata.namespace;
        this.report = pulumi.output(this.names.report);
        this.registerOutputs();
    }

    private meta(name: string, namespace?: string) {
        return { name, ...(namespace && { namespace }), labels: this.labels };
    }

    /**
     * One for the run, which is restricted, and those for the capture's pods: one that cleans a disk in place must be
     * privileged, those of a copy need no more than the baseline. The latter stay when the schedule goes: other
     * schedules' pods, and a person's own runs, are in there as well.
     */
    private declareNamespaces(): kubernetes.core.v1.Namespace[] {
        const { namespace, stackSettings } = this.settings;
        const declare = (name: string, labels: Record<string, string>, retainOnDelete = false) =>
            new kubernetes.core.v1.Namespace(name, { metadata: { name, labels } }, { parent: this, retainOnDelete });
        const own = declare(namespace, { ...this.labels, ...podSecurity("restricted") });
        // What a capture would call it as well, so that nobody takes it for this schedule's alone.
        const level = stackSettings.captureModes.includes("in-place") ? "privileged" : "baseline";
        const shared = { ...OWN_LABEL, ...podSecurity(level) };
        return [own, ...this.captureNamespaces().map((name) => declare(name, shared, true))];
    }

    /** A preview cleans no disk, and where the nodes are in another cluster a capture makes its namespace there. */
    private captureNamespaces(): string[] {
        const { mode, stackSettings } = this.settings;
        return mode === "up" && !stackSettings.workloadCluster ? stackSettings.captureNamespaces : [];
    }

    private declareIdentity(dependsOn: pulumi.Resource[]): kubernetes.core.v1.ServiceAccount {
        const { name, namespace, azure } = this.settings;
        const annotations = azure.clientId ? { "azure.workload.identity/client-id": azure.clientId } : undefined;
        const metadata = { ...this.meta(name, namespace), ...(annotations && { annotations }) };
        return new kubernetes.core.v1.ServiceAccount(name, { metadata }, { parent: this, dependsOn });
    }

    /** The stack's settings; and, empty, what a run writes: so it needs no right to create anything. */
    private declareState(dependsOn: pulumi.Resource[]): pulumi.Resource[] {
        const { namespace, stackSettings } = this.settings;
        const { settings, report, lease } = this.names;
        const opts = { parent: this, dependsOn };
        return [
            new kubernetes.core.v1.ConfigMap(
                settings,
                { metadata: this.meta(settings, namespace), data: { "settings.yaml": stackSettings.text } },
                opts,
            ),
            new kubernetes.core.v1.ConfigMap(
                report,
                { metadata: this.meta(report, namespace) },
                { ...opts, ignoreChanges: ["data"] },
            ),
            new kubernetes.coordination.v1.Lease(
                lease,
                { metadata: this.meta(lease, namespace) },
                { ...opts, ignoreChanges: ["spec"] },
            ),
        ];
    }

    private declarePermissions(
        account: kubernetes.core.v1.ServiceAccount,
        dependsOn: pulumi.Resource[],
    ): pulumi.Resource[] {
        const { name, namespace, mode, stackSettings } = this.settings;
        const subjects = [{ kind: "ServiceAccount", name, namespace }];
        const opts = { parent: this, dependsOn: [...dependsOn, account] };
        const inNamespace = (where: string, role: string, rules: Rule[], id = `${where}-${name}`) => [
            new kubernetes.rbac.v1.Role(id, { metadata: this.meta(role, where), rules }, opts),
            new kubernetes.rbac.v1.RoleBinding(
                id,
                { metadata: this.meta(role, where), subjects, roleRef: roleRef("Role", role) },
                opts,
            ),
        ];
        // Elsewhere names carry the namespace: two schedules in one cluster must not share them.
        const wide = `${namespace}-${name}`;
        const captureNamespaces = this.captureNamespaces();
        const { workloadCluster } = stackSettings;
        const ofWorkload = (cluster: WorkloadCluster) =>
            inNamespace(
                cluster.namespace,
                `${wide}-${cluster.name}`,
                workloadKubeconfigRules(cluster),
                `${cluster.namespace}-${name}-${cluster.name}`,
            );
        const inCluster = (role: string, rules: Rule[]) => [
            new kubernetes.rbac.v1.ClusterRole(role, { metadata: this.meta(role), rules }, opts),
            new kubernetes.rbac.v1.ClusterRoleBinding(
                role,
                { metadata: this.meta(role), subjects, roleRef: roleRef("ClusterRole", role) },
                opts,
            ),
        ];
        const ofNodes = () => {
            const { force, captureModes: capture, kuredDaemonSets } = stackSettings;
            const rules = clusterRules({ mode, force, captureNamespaces, capture, kuredDaemonSets });
            return [
                ...inCluster(wide, rules),
                ...captureNamespaces.flatMap((where) => inNamespace(where, wide, captureRules(capture))),
                ...(mode === "up" ? inNamespace(EVENT_NAMESPACE, `${wide}-events`, eventRules, `${wide}-events`) : []),
            ];
        };
        return [
            ...inNamespace(namespace, name, ownRules(mode, this.names)),
            ...(workloadCluster ? ofWorkload(workloadCluster) : ofNodes()),
            ...stackSettings.machinePoolNamespaces.flatMap((where) =>
                inNamespace(where, `${wide}-pools`, machinePoolRules(mode), `${where}-${name}-pools`),
            ),
            ...(stackSettings.machinePoolNamespaces.length > 0
                ? inCluster(`${wide}-pools-gate`, machinePoolGateRules)
                : []),
            ...stackSettings.machinesNamespaces.flatMap((where) =>
                inNamespace(where, `${wide}-machines`, machinesRules(mode), `${where}-${name}-machines`),
            ),
        ];
    }

    private declareCronJob(dependsOn: pulumi.Resource[]): kubernetes.batch.v1.CronJob {
        const { settings, labels } = this;
        const { name, namespace } = settings;
        return new kubernetes.batch.v1.CronJob(
            name,
            {
                metadata: this.meta(name, namespace),
                spec: {
                    schedule: settings.cron,
                    timeZone: settings.timeZone,
                    suspend: settings.suspend,
                    concurrencyPolicy: "Forbid",
                    startingDeadlineSeconds: settings.startingDeadlineSeconds,
                    successfulJobsHistoryLimit: settings.keepSucceeded,
                    failedJobsHistoryLimit: settings.keepFailed,
                    jobTemplate: {
                        metadata: { labels },
                        spec: {
                            // The next one is tomorrow's: what failed once is for a person to see, not to be tried
                            // again at once.
                            backoffLimit: 0,
                            activeDeadlineSeconds: jobDeadline(settings),
                            template: {
                                metadata: { labels, annotations: { [SAFE_TO_EVICT]: "false" } },
                                spec: podSpec(settings, this.names),
                            },
                        },
                    },
                },
            },
            { parent: this, dependsOn },
        );
    }
}

/** What a pod may take until its container runs. */
const START_SECONDS = 10 * 60;

/**
 * The Job's own deadline is for a run that does not stop by itself when its time is over: at it the Job controller
 * deletes the pod, and the logs with it.
 */
function jobDeadline({ activeDeadlineSeconds, terminationGracePeriodSeconds }: ScheduleSettings): number {
    return START_SECONDS + activeDeadlineSeconds + terminationGracePeriodSeconds;
}

function roleRef(kind: "Role" | "ClusterRole", name: string) {
    return { apiGroup: "rbac.authorization.k8s.io", kind, name };
}
