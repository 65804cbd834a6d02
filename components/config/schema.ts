// The stack's configuration: every key, what it must be, its default. The types of the settings are derived from it.
import { z } from "zod";
import { GALLERY_NAME_OR_ID, RESOURCE_GROUP_NAME, isScaleSetId, isScaleSetName } from "../azure/ids";
import { OWN_TAGS } from "../azure/tags";
import {
    NAMESPACE_FORMAT,
    annotationKey,
    boolean,
    duration,
    imageVersion,
    integer,
    listOf,
    matching,
    nodeName,
    objectOf,
    oneOf,
    optional,
    recordOf,
    text,
    withDefault,
} from "./values";

/**
 * Extensions that stay whatever `removeExtensions` says: AKS Engine's billing marker, which installs nothing and runs
 * nothing. It is known by publisher and type, since its name starts with the scale set's.
 */
const DEFAULT_KEEP_EXTENSIONS = ["Microsoft.AKS/Compute.AKS-Engine.Linux.Billing"];

/** One key that holds for all pools and that each pool may set for itself. */
interface Key<S extends z.ZodType> {
    schema: S;
    /** As a user would write it. */
    default?: unknown;
}

function key<S extends z.ZodType>(schema: S): Key<S> & { default?: undefined };
function key<S extends z.ZodType, D>(schema: S, value: D): Key<S> & { default: D };
function key<S extends z.ZodType>(schema: S, value?: NonNullable<unknown>): Key<S> {
    return { schema, default: value };
}

const path = z
    .string("an absolute path")
    .regex(
        /^(\/[^/\p{Cc}*?[\]]{1,255}){2,}$/u,
        "the absolute path of a file or folder at least two levels below the root, without wildcards",
    )
    .refine((value) => !/\/\.{1,2}(\/|$)/.test(value), "a path without . and ..")
    .refine((value) => !/^\/(proc|sys|dev)\//.test(value), "a path of the disk, which /proc, /sys and /dev are not");

/** Which of its model's parts a scale set loses, and what happens when others write it. */
const SCALE_SET_KEYS = {
    resourceGroup: key(matching(RESOURCE_GROUP_NAME, "the name of a resource group")),
    onForeignChange: key(oneOf("stop", "restore", "adopt"), "stop"),
    // What the nodes show if left out: components/node/kubeadm.ts.
    bootstrap: key(oneOf("keep", "remove")),
    // What bootstraps a node goes by itself: components/pool/extensions.ts.
    removeExtensions: key(listOf(text), []),
    keepExtensions: key(listOf(text), DEFAULT_KEEP_EXTENSIONS),
};

/** Which node is taken. */
const SELECTION_KEYS = {
    minimumReadyTime: key(duration(), "1h"),
    newNodeTimeout: key(duration(1), "15m"),
    minimumCandidates: key(integer(1, 1000), 1),
    maximumImageAge: key(duration(60)),
    prefer: key(oneOf("newest", "longest-ready"), "newest"),
    ignoreNodes: key(listOf(nodeName), []),
    ignoreAnnotations: key(listOf(annotationKey), []),
};

/** How a node's disk is taken. */
const CAPTURE_KEYS = {
    // What the cluster can do if left out: components/capture/mode.ts.
    capture: key(oneOf("copy", "in-place")),
    // As minAvailable of a PodDisruptionBudget: a number or a percentage.
    minimumReadyNodes: key(
        z
            .preprocess(
                (value) => (typeof value === "number" ? String(value) : value),
                matching(/^(0|[1-9]\d{0,3}|[1-9]?\d%|100%)$/, "a number of nodes or a percentage, such as 3 or 80%"),
            )
            .transform((value) => ({ value: parseInt(value, 10), unit: value.endsWith("%") ? "percent" : "nodes" })),
    ),
    // Without it each pod has the time that it asks for itself.
    gracePeriod: key(duration()),
    drainTimeout: key(duration(1), "15m"),
    force: key(boolean(), false),
    deleteBarePods: key(boolean(), false),
    deleteEmptyDirData: key(boolean(), false),
    cleanerImage: key(matching(/^\S+$/, "a container image"), "docker.io/library/busybox:1.37.0"),
    captureNamespace: key(matching(NAMESPACE_FORMAT, "the name of a namespace"), "kamino-capture"),
    cleanPaths: key(listOf(path), []),
    // What the donor's system has if left out: components/capture/copy/fileSystem.ts. In Pulumi.yaml only text can be
    // left out.
    rootPartition: key(
        z
            .preprocess(
                (value) => (typeof value === "number" ? String(value) : value),
                matching(/^([1-9]\d?|1[01]\d|12[0-8])$/, "a whole number from 1 to 128"),
            )
            .transform(Number),
    ),
    keepSnapshots: key(boolean(), false),
};

/** An object of Kubernetes by its namespace and name. */
const namespacedName = (what: string) =>
    matching(
        /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/,
        `a ${what} as NAMESPACE/NAME`,
    ).transform((value) => {
        const [namespace, name] = value.split("/");
        return { namespace, name };
    });

/** Where kured is, and whether its lock is held while a node is out of service. */
const KURED_KEYS = {
    kuredLock: key(boolean(), true),
    kuredDaemonSet: key(namespacedName("DaemonSet")),
};

/** How images are kept. */
const IMAGE_KEYS = {
    gallery: key(matching(GALLERY_NAME_OR_ID, "a gallery's name or ARM id"), "kamino"),
    // Two, so that there is always an earlier version to go back to.
    maxHistory: key(integer(2, 100), 3),
    // Azure keeps at most 100 replicas of a version in a region.
    replicaCount: key(integer(1, 100), 3),
    targetRegions: key(listOf(text)),
    storageAccountType: key(oneOf("Standard_LRS", "Standard_ZRS", "Premium_LRS")),
};

// Limits: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations.
const tagName = matching(
    /^[^<>%&\\?/\p{Cc}]{1,512}$/u,
    "tags by names of at most 512 characters, without < > % & \\ ? /",
);
const TAG_VALUE = "text of at most 256 characters";
const tags = recordOf(tagName, z.string(TAG_VALUE).max(256, TAG_VALUE), "an object of tags, as in team: nodes")
    .refine((value) => Object.keys(value).length <= 40, "at most 40 tags")
    .refine(
        (value) => !Object.keys(value).some((name) => OWN_TAGS.includes(name.toLowerCase())),
        `tags by other names than ${OWN_TAGS.join(", ")}, which this program sets`,
    );

/** Keys that hold for all pools, and that each pool may set for itself. */
export const SHARED_KEYS = {
    ...SCALE_SET_KEYS,
    ...SELECTION_KEYS,
    ...CAPTURE_KEYS,
    ...KURED_KEYS,
    ...IMAGE_KEYS,
    tags: key(tags, {}),
};

type SharedKey = keyof typeof SHARED_KEYS;
type Output<K extends SharedKey> = z.output<(typeof SHARED_KEYS)[K]["schema"]>;
type HasDefault<K extends SharedKey> = (typeof SHARED_KEYS)[K] extends { default: NonNullable<unknown> } ? true : false;

/** The values of keys, those without a default only where they are configured. */
export type Values<K extends SharedKey> = {
    [P in K as HasDefault<P> extends true ? P : never]: Output<P>;
} & { [P in K as HasDefault<P> extends true ? never : P]?: Output<P> };

/** The values of all shared keys. */
export type SharedValues = Values<SharedKey>;

/** The keys of one group. */
export type KeysOf<G extends "scaleSet" | "selection" | "capture" | "kured" | "image"> = keyof {
    scaleSet: typeof SCALE_SET_KEYS;
    selection: typeof SELECTION_KEYS;
    capture: typeof CAPTURE_KEYS;
    kured: typeof KURED_KEYS;
    image: typeof IMAGE_KEYS;
}[G];

function shapeOf(defaults: boolean): { [K in SharedKey]: z.ZodType<Output<K> | undefined> } {
    const shape = Object.entries(SHARED_KEYS).map(([name, { schema, default: value }]) => [
        name,
        defaults && value !== undefined ? withDefault(schema, value) : optional(schema),
    ]);
    return Object.fromEntries(shape) as ReturnType<typeof shapeOf>;
}

const SCALE_SET = "a scale set's name or ARM id (/subscriptions/…/virtualMachineScaleSets/NAME)";

/** The name of a pool: that of its scale set unless it is configured. */
export const poolName = matching(/^[A-Za-z0-9][\w.-]{0,79}$/, "a name of letters, digits, '-', '_' and '.'");

/** One entry of `pools`: keys that a pool alone has, and the shared ones. */
const pool = objectOf(
    {
        scaleSet: optional(
            z.string(SCALE_SET).refine((value) => isScaleSetName(value) || isScaleSetId(value), SCALE_SET),
        ),
        machinePool: optional(namespacedName("MachinePool")),
        machineDeployment: optional(namespacedName("MachineDeployment")),
        machineSet: optional(namespacedName("MachineSet")),
        name: optional(poolName),
        node: optional(nodeName),
        pin: optional(imageVersion),
        reject: optional(listOf(imageVersion)),
        trust: optional(listOf(imageVersion)),
        canary: optional(poolName),
        newUpdatedNodes: optional(integer(1, 100)),
        maxNodes: optional(integer(1, 1000)),
        ...shapeOf(false),
    },
    "an object with scaleSet, machinePool, machineDeployment or machineSet",
);

/** How to reach a cluster. Resources keep it in the state: what is in the file must not get there. */
const CLUSTER_KEYS = {
    kubeconfig: optional(matching(/^[^\r\n{]{1,1000}$/, "the path of a kubeconfig file, and not what is in it")),
    context: optional(text),
};

/** A Cluster of Cluster API, in the configuration and on a command line. */
export const clusterName = namespacedName("Cluster");

/** The management cluster, and whose nodes' kubeconfig is read there, if that is asked for. */
export const managementCluster = objectOf({ ...CLUSTER_KEYS, workloadCluster: optional(clusterName) });

/** The whole configuration. */
export const configuration = objectOf({
    pools: optional(listOf(pool)),
    ...CLUSTER_KEYS,
    // The management cluster of Cluster API; the same cluster if left out.
    capi: optional(managementCluster),
    // Of a separate stack, which has no pools: read by components/schedule.
    schedule: optional(z.unknown()),
    ...shapeOf(true),
});
