// The pod of a scheduled run: its container, its environment, what it may write to. Plain data; runner/pod.ts is the
// other end.
import type { types } from "@pulumi/kubernetes";
import { RUN_ENVIRONMENT } from "./environment";
import { STATE_MOUNT, type ScheduleSettings } from "./settings";

type PodSpec = types.input.core.v1.PodSpec;
type EnvVar = types.input.core.v1.EnvVar;

/** Names of what the schedule declares. */
export interface Names {
    serviceAccount: string;
    settings: string;
    report: string;
    lease: string;
}

/** Where Kubernetes mounts a service account's token. */
const SERVICE_ACCOUNT_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const AZURE_TOKEN_MOUNT = "/var/run/secrets/azure/tokens";
const SETTINGS_MOUNT = "/etc/kamino";
const SCRATCH_MOUNT = "/tmp";

/** Where the image has the program (see deploy/Dockerfile). */
const PROGRAM = "/opt/kamino";

/** The user of the image (see deploy/Dockerfile). */
const USER = 1000;

/** The pod's spec. It runs on Linux nodes, as no root, on a read-only root file system, without any capability. */
export function podSpec(settings: ScheduleSettings, names: Names): PodSpec {
    return {
        serviceAccountName: names.serviceAccount,
        restartPolicy: "Never",
        // The time in which a capture that is under way restores its node.
        terminationGracePeriodSeconds: settings.terminationGracePeriodSeconds,
        nodeSelector: { ...settings.nodeSelector, "kubernetes.io/os": "linux" },
        ...(settings.tolerations.length > 0 && { tolerations: settings.tolerations }),
        ...(settings.imagePullSecret && { imagePullSecrets: [{ name: settings.imagePullSecret }] }),
        securityContext: {
            runAsNonRoot: true,
            runAsUser: USER,
            runAsGroup: USER,
            fsGroup: USER,
            seccompProfile: { type: "RuntimeDefault" },
        },
        containers: [container(settings, names)],
        volumes: volumes(settings, names),
    };
}

function container(settings: ScheduleSettings, names: Names): types.input.core.v1.Container {
    const { image, mode, stack, resources, environmentSecret, stateClaim, azure } = settings;
    return {
        name: "kamino",
        image,
        workingDir: PROGRAM,
        // The very command behind `npm run`, without npm in between: signals reach the runner.
        command: ["node", "--require", "./components/engine/typescript.cjs", "runner/main.ts"],
        args: [mode, "--stack", stack, "--config-file", `${SETTINGS_MOUNT}/settings.yaml`],
        env: environment(settings, names),
        ...(environmentSecret && { envFrom: [{ secretRef: { name: environmentSecret } }] }),
        resources: {
            requests: { cpu: resources.cpu, memory: resources.memory },
            limits: { cpu: resources.cpuLimit, memory: resources.memoryLimit },
        },
        securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            privileged: false,
            runAsNonRoot: true,
            capabilities: { drop: ["ALL"] },
        },
        volumeMounts: [
            { name: "settings", mountPath: SETTINGS_MOUNT, readOnly: true },
            { name: "scratch", mountPath: SCRATCH_MOUNT },
            ...(azure.clientId ? [{ name: "azure-token", mountPath: AZURE_TOKEN_MOUNT, readOnly: true }] : []),
            ...(stateClaim ? [{ name: "state", mountPath: STATE_MOUNT }] : []),
        ],
    };
}

function environment(settings: ScheduleSettings, names: Names): EnvVar[] {
    const field = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    const plain = {
        [RUN_ENVIRONMENT.serviceAccount]: SERVICE_ACCOUNT_MOUNT,
        [RUN_ENVIRONMENT.lease]: names.lease,
        [RUN_ENVIRONMENT.report]: names.report,
        [RUN_ENVIRONMENT.stopAfter]: String(settings.activeDeadlineSeconds),
        TMPDIR: SCRATCH_MOUNT,
        PULUMI_BACKEND_URL: settings.backendUrl,
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        ...azureEnvironment(settings),
        ...settings.environment,
    };
    return [
        field(RUN_ENVIRONMENT.podName, "metadata.name"),
        field(RUN_ENVIRONMENT.podNamespace, "metadata.namespace"),
        // The run never picks the node that it runs on.
        field(RUN_ENVIRONMENT.nodeName, "spec.nodeName"),
        ...Object.entries(plain).map(([name, value]) => ({ name, value })),
    ];
}

/**
 * As azure-native, the program and, under the second set of names, the state backend and the secrets provider read it.
 * With a client id by workload identity; without one by what the Secret of `environmentSecret` says.
 */
function azureEnvironment({ azure }: ScheduleSettings): Record<string, string> {
    const { subscriptionId, tenantId, clientId } = azure;
    const who = { ARM_SUBSCRIPTION_ID: subscriptionId, ARM_TENANT_ID: tenantId, AZURE_TENANT_ID: tenantId };
    const token = `${AZURE_TOKEN_MOUNT}/azure-identity-token`;
    return clientId === undefined
        ? who
        : {
              ...who,
              ARM_CLIENT_ID: clientId,
              ARM_USE_OIDC: "true",
              ARM_OIDC_TOKEN_FILE_PATH: token,
              AZURE_CLIENT_ID: clientId,
              AZURE_FEDERATED_TOKEN_FILE: token,
          };
}

function volumes({ azure, stateClaim }: ScheduleSettings, names: Names): types.input.core.v1.Volume[] {
    return [
        { name: "settings", configMap: { name: names.settings } },
        { name: "scratch", emptyDir: { sizeLimit: "2Gi" } },
        ...(azure.clientId ? [azureToken] : []),
        ...(stateClaim ? [{ name: "state", persistentVolumeClaim: { claimName: stateClaim } }] : []),
    ];
}

/** A token for Azure AD, as the workload identity webhook would project it: so a cluster needs no webhook. */
const azureToken: types.input.core.v1.Volume = {
    name: "azure-token",
    projected: {
        sources: [
            {
                serviceAccountToken: {
                    audience: "api://AzureADTokenExchange",
                    expirationSeconds: 3600,
                    path: "azure-identity-token",
                },
            },
        ],
    },
};
