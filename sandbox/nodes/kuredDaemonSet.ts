// kured's DaemonSet in the sandbox: how it is named, how its options are given, and the lock on it.
import {
    ApiException,
    PatchStrategy,
    setHeaderOptions,
    type V1Container,
    type V1DaemonSet,
} from "@kubernetes/client-node";
import { isNotFound, type Api } from "./api";
import { NODE_LOCK } from "./kuredAnnotations";

/** kured in the sandbox; what is left out is kured's own default unless said otherwise. */
export interface KuredOptions {
    /** Default 1.15.1. */
    version?: string;
    /** Default true, which is not kured's; without it kured leaves no trace on the nodes. */
    annotateNodes?: boolean;
    /** Where the DaemonSet is; default kube-system/kured. Also given to kured as `--ds-namespace` and `--ds-name`. */
    namespace?: string;
    name?: string;
    /** `--concurrency`; more than 1 writes the lock in its form with several holders. */
    concurrency?: number;
    /** `--lock-ttl` in milliseconds; default 0, for ever. */
    lockTtlMs?: number;
    /** `--lock-annotation`. */
    lockAnnotation?: string;
    /** `--drain-timeout` in milliseconds; default 0, for ever. */
    drainTimeoutMs?: number;
    /** Where the options are written: as arguments (default), after the command, or as KURED_ variables. */
    optionsIn?: "args" | "command" | "env";
    /** From the start of kured's pod to its first look, in milliseconds: 30 to 90 s in life, default 200 here. */
    firstTickMs?: number;
}

/** How kured is set up, with nothing left out. */
export type KuredSettings = Required<KuredOptions>;

export function settingsOf(options: KuredOptions): KuredSettings {
    return {
        version: "1.15.1",
        annotateNodes: true,
        namespace: "kube-system",
        name: "kured",
        concurrency: 1,
        lockTtlMs: 0,
        lockAnnotation: NODE_LOCK,
        drainTimeoutMs: 0,
        optionsIn: "args",
        firstTickMs: 200,
        ...options,
    };
}

/** The DaemonSet as kured's own manifest has it, with these settings. */
export function daemonSet(settings: KuredSettings): V1DaemonSet {
    const { name, namespace, version } = settings;
    const labels = { name };
    const container: V1Container = {
        name: "kured",
        image: `ghcr.io/kubereboot/kured:${version}`,
        securityContext: { privileged: true },
        ...withOptions(settings),
    };
    return {
        metadata: { name, namespace },
        spec: {
            selector: { matchLabels: labels },
            updateStrategy: { type: "RollingUpdate" },
            template: {
                metadata: { labels },
                spec: {
                    serviceAccountName: "kured",
                    hostPID: true,
                    tolerations: [{ operator: "Exists" }],
                    containers: [container],
                },
            },
        },
    };
}

function withOptions(settings: KuredSettings): Pick<V1Container, "command" | "args" | "env"> {
    const node = { name: "KURED_NODE_ID", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } };
    const options = given(settings);
    const flags = options.map(([name, value]) => `--${name}=${value}`);
    const command = ["/usr/bin/kured"];
    if (settings.optionsIn === "command") {
        return { command: [...command, ...flags], env: [node] };
    }
    if (settings.optionsIn === "args") {
        return { command, args: flags, env: [node] };
    }
    const variables = options.map(([name, value]) => ({
        name: `KURED_${name.replaceAll("-", "_").toUpperCase()}`,
        value,
    }));
    return { command, env: [node, ...variables] };
}

/** Options that differ from kured's defaults, as a person would write them. */
function given(settings: KuredSettings): [name: string, value: string][] {
    const options: [string, string, boolean][] = [
        ["reboot-sentinel", "/var/run/reboot-required", true],
        ["annotate-nodes", "true", settings.annotateNodes],
        ["ds-namespace", settings.namespace, settings.namespace !== "kube-system"],
        ["ds-name", settings.name, settings.name !== "kured"],
        ["concurrency", String(settings.concurrency), settings.concurrency !== 1],
        ["lock-ttl", `${settings.lockTtlMs}ms`, settings.lockTtlMs !== 0],
        ["lock-annotation", settings.lockAnnotation, settings.lockAnnotation !== NODE_LOCK],
        ["drain-timeout", `${settings.drainTimeoutMs}ms`, settings.drainTimeoutMs !== 0],
    ];
    return options.filter(([, , wanted]) => wanted).map(([name, value]) => [name, value]);
}

/** The annotation that the lock is, on the DaemonSet that is there. */
export class LockAnnotation {
    /** The lock where there is no DaemonSet: machines still reboot one at a time. */
    private unshared: string | undefined;

    constructor(
        private readonly api: Api,
        private readonly settings: () => KuredSettings,
    ) {}

    /** Changes the lock by what `next` makes of it, once more if somebody else has written in between. */
    async change<T>(next: (value: string | undefined) => { write?: string | null; result: T }): Promise<T> {
        for (;;) {
            const found = await this.daemonSet();
            const key = this.settings().lockAnnotation;
            const { write, result } = next(found ? found.metadata?.annotations?.[key] : this.unshared);
            if (write === undefined) {
                return result;
            }
            if (!found) {
                this.unshared = write ?? undefined;
            }
            const written = found ? await this.write(found, { [key]: write }) : true;
            if (written) {
                return result;
            }
        }
    }

    private async daemonSet(): Promise<V1DaemonSet | undefined> {
        const { name, namespace } = this.settings();
        return this.api.apps.readNamespacedDaemonSet({ name, namespace }).catch((error: unknown) => {
            if (isNotFound(error)) {
                return undefined;
            }
            throw error;
        });
    }

    /** False if the DaemonSet has changed since it was read: kured writes with the version that it has read. */
    private async write({ metadata }: V1DaemonSet, annotations: object): Promise<boolean> {
        const { name, namespace } = this.settings();
        const body = { metadata: { resourceVersion: metadata?.resourceVersion, annotations } };
        return this.api.apps.patchNamespacedDaemonSet({ name, namespace, body }, mergePatch).then(
            () => true,
            (error: unknown) => {
                if (error instanceof ApiException && (error.code === 409 || error.code === 404)) {
                    return false;
                }
                throw error;
            },
        );
    }
}

const mergePatch = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);

/** Puts the DaemonSet and its service account into the cluster, or changes those that are there. */
export async function applyDaemonSet(api: Api, settings: KuredSettings): Promise<void> {
    const { name, namespace } = settings;
    const exists = (error: unknown) => {
        if (!(error instanceof ApiException && error.code === 409)) {
            throw error;
        }
    };
    await api.core.createNamespace({ body: { metadata: { name: namespace } } }).catch(exists);
    await api.core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: "kured" } } }).catch(exists);
    const body = daemonSet(settings);
    await api.apps.createNamespacedDaemonSet({ namespace, body }).catch(async (error: unknown) => {
        exists(error);
        const template = { spec: { template: { ...body.spec?.template } } };
        await api.apps.patchNamespacedDaemonSet({ name, namespace, body: template }, mergePatch);
    });
}

/** Takes the DaemonSet away. */
export async function removeDaemonSet(api: Api, { name, namespace }: KuredSettings): Promise<void> {
    await api.apps.deleteNamespacedDaemonSet({ name, namespace }).catch((error: unknown) => {
        if (!isNotFound(error)) {
            throw error;
        }
    });
}
