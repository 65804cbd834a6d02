// The settings of the stack that a schedule runs: read from its Pulumi.<stack>.yaml, for the ConfigMap that the run
// reads.
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse, stringify } from "yaml";
import type { CaptureMode } from "../capture/mode";
import { readBySchema } from "../config/read";
import { SHARED_KEYS, managementCluster } from "../config/schema";
import { UserError } from "../core/errors";
import { refusePlainSecretsIn } from "../config/plainSecrets";
import type { WorkloadCluster } from "../node/workloadKubeconfig";
import { CAPTURE_MODES } from "./permissions";

/** What a schedule needs of the stack that it runs. */
export interface StackSettings {
    /** As text, without what only holds on a person's machine. Secrets in it are encrypted, so it may be seen. */
    text: string;
    /** Whether the run needs PULUMI_CONFIG_PASSPHRASE. */
    needsPassphrase: boolean;
    /** The namespaces in which its pools' disks are cleaned. */
    captureNamespaces: string[];
    /** The ways in which its pools' disks may be captured. */
    captureModes: CaptureMode[];
    /** Names of kured's DaemonSets. */
    kuredDaemonSets: string[];
    /** Whether any pool deletes the pods that will not be evicted. */
    force: boolean;
    /** The namespaces of its pools that are MachinePools. */
    machinePoolNamespaces: string[];
    /** The namespaces of its pools that are MachineDeployments or MachineSets. */
    machinesNamespaces: string[];
    /** The Cluster of the nodes, where the run reads its kubeconfig in the cluster that it runs in. */
    workloadCluster?: WorkloadCluster;
}

interface SettingsFile {
    config?: Record<string, unknown>;
    encryptionsalt?: string;
}

/**
 * Reads a stack's settings file.
 *
 * @param file relative to the project, or absolute
 * @param key for the message when it is not there
 * @throws UserError in one line when it is not there, or holds a secret in plain text
 */
export function readStackSettings(file: string, project: string, key: string): StackSettings {
    const path = resolve(file);
    if (!existsSync(path)) {
        throw new UserError(`${key}: there is no ${file}; it holds the settings of the stack that is to run`);
    }
    return stackSettings(readFileSync(path, "utf8"), project, file);
}

/** The same from the file's text. Pure. */
export function stackSettings(text: string, project: string, file = "the stack's settings"): StackSettings {
    const settings = (parse(text) ?? {}) as SettingsFile;
    refusePlainSecretsIn(settings.config ?? {}, file);
    // In the cluster the run is who its service account is.
    const personal = [`${project}:kubeconfig`, `${project}:context`];
    const config = Object.entries(settings.config ?? {}).filter(([name]) => !personal.includes(name));
    const plain = Object.fromEntries(config);
    const workloadCluster = workloadClusterIn(plain[`${project}:capi`], file, project);
    const captures = ofPools(plain, project, "capture", "");
    const namespaces = ofPools(plain, project, "captureNamespace", SHARED_KEYS.captureNamespace.default);
    return {
        text: stringify({ ...settings, config: plain }),
        needsPassphrase: settings.encryptionsalt !== undefined,
        captureNamespaces: namespaces.map(String),
        captureModes: CAPTURE_MODES.filter((mode) => captures.includes(mode) || captures.includes("")),
        kuredDaemonSets: kuredDaemonSetsIn(plain, project),
        force: ofPools(plain, project, "force", SHARED_KEYS.force.default).some((value) => String(value) === "true"),
        machinePoolNamespaces: namespacesIn(plain, project, ["machinePool"]),
        machinesNamespaces: namespacesIn(plain, project, ["machineDeployment", "machineSet"]),
        ...(workloadCluster && { workloadCluster }),
    };
}

/** The names alone: a ClusterRole holds in all namespaces. */
function kuredDaemonSetsIn(config: Record<string, unknown>, project: string): string[] {
    const places = ofPools(config, project, "kuredDaemonSet", "kured");
    return [...new Set(places.map((place) => String(place).split("/").at(-1) ?? ""))].sort();
}

/** The namespaces of what pools' keys name as NAMESPACE/NAME, each once. */
function namespacesIn(config: Record<string, unknown>, project: string, keys: string[]): string[] {
    const places = keys.flatMap((key) => ofPools(config, project, key, ""));
    const namespaces = places.map((place) => String(place).split("/")[0]);
    return [...new Set(namespaces)].filter((namespace) => namespace !== "").sort();
}

/**
 * In the cluster the run has the credentials of its service account, for that cluster alone, and so that is the
 * management cluster. From there it may read the kubeconfig of a workload cluster.
 */
function workloadClusterIn(capi: unknown, file: string, project: string): WorkloadCluster | undefined {
    const { kubeconfig, context, workloadCluster } = readBySchema(managementCluster, capi ?? {}, `${project}:capi.`);
    if (kubeconfig !== undefined || context !== undefined) {
        throw new UserError(
            `${project}:capi in ${file}: a scheduled run reaches pools of Cluster API in the cluster that it runs in alone; ` +
                "run this stack in CI, or take kubeconfig and context out of the key",
        );
    }
    return workloadCluster;
}

/** The values that a key has for the pools: the one for all, and those that pools have for themselves; each once. */
function ofPools(config: Record<string, unknown>, project: string, key: string, otherwise: unknown) {
    const set = (value: unknown) =>
        value === "" || value === null ? undefined : (value as string | boolean | undefined);
    const shared = set(config[`${project}:${key}`]) ?? otherwise;
    const pools = config[`${project}:pools`];
    const own = (Array.isArray(pools) ? pools : []).map(
        (pool) => set((pool as Record<string, unknown> | null)?.[key]) ?? shared,
    );
    return own.length === 0 ? [shared] : [...new Set(own)].sort();
}
