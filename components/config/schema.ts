// The stack's configuration: every key with its default and what it must be, checked as a whole before anything is done.
import * as pulumi from "@pulumi/pulumi";
import { closest, distance } from "fastest-levenshtein";
import {
    annotationKey,
    boolean,
    duration,
    imageVersion,
    integer,
    listOf,
    matching,
    nodeName,
    oneOf,
    parsed,
    text,
    type Reader,
} from "./values";
import { UserError } from "../core/errors";

/**
 * Extensions that stay unless the configuration says otherwise: AKS Engine's billing marker, which installs nothing and
 * runs nothing. It is told by publisher and type, since its name starts with the scale set's.
 */
export const DEFAULT_KEEP_EXTENSIONS = ["Microsoft.AKS/Compute.AKS-Engine.Linux.Billing"];

/** The settings of one pool, complete and checked. Durations are as configured: `90s`, `15m`, `1h`, `30d`. */
export interface PoolSettings {
    name: string;
    /** Name of the scale set. */
    scaleSet: string;
    resourceGroup: string;
    /** The subscription, where the scale set was given by its id. */
    subscriptionId?: string;
    /** Name of the gallery to make, or the id of an existing one. */
    gallery: string;
    minimumReadyTime: string;
    minimumCandidates: number;
    maximumImageAge?: string;
    maxHistory: number;
    gracePeriod: string;
    drainTimeout: string;
    force: boolean;
    prefer: "newest" | "longest-ready";
    ignoreNodes: string[];
    ignoreAnnotations: string[];
    keepExtensions: string[];
    keepSnapshots: boolean;
    replicaCount: number;
    targetRegions?: string[];
    storageAccountType?: string;
    cleanerImage: string;
    captureNamespace: string;
    node?: string;
    pin?: string;
}

/** The whole configuration, complete and checked. */
export interface Settings {
    pools: PoolSettings[];
    kubeconfig?: string;
    context?: string;
}

interface Key<T> {
    read: Reader<T>;
    default?: T;
}

/** What a pool has of its own: no default for all pools makes sense. */
type Own = "name" | "scaleSet" | "subscriptionId" | "node" | "pin";

/** Keys that hold for all pools, and that each pool may set for itself. */
export const SHARED_KEYS: { [K in Exclude<keyof PoolSettings, Own>]-?: Key<NonNullable<PoolSettings[K]>> } = {
    resourceGroup: { read: matching(/^[\w.()-]{1,90}$/, "the name of a resource group") },
    gallery: {
        read: matching(/^([\w.]{1,80}|\/subscriptions\/.+\/galleries\/[\w.]{1,80})$/i, "a gallery's name or ARM id"),
        default: "kamino",
    },
    minimumReadyTime: { read: duration(), default: "1h" },
    minimumCandidates: { read: integer(1, 1000), default: 1 },
    maximumImageAge: { read: duration(60) },
    // Two, so that there is always an earlier version to go back to.
    maxHistory: { read: integer(2, 100), default: 3 },
    gracePeriod: { read: duration(), default: "5m" },
    drainTimeout: { read: duration(1), default: "15m" },
    force: { read: boolean, default: false },
    prefer: { read: oneOf("newest", "longest-ready"), default: "newest" },
    ignoreNodes: { read: listOf(nodeName), default: [] },
    ignoreAnnotations: { read: listOf(annotationKey), default: [] },
    keepExtensions: { read: listOf(text), default: DEFAULT_KEEP_EXTENSIONS },
    keepSnapshots: { read: boolean, default: false },
    // Azure keeps at most 100 replicas of a version in a region.
    replicaCount: { read: integer(1, 100), default: 3 },
    targetRegions: { read: listOf(text) },
    storageAccountType: { read: oneOf("Standard_LRS", "Standard_ZRS", "Premium_LRS") },
    cleanerImage: { read: matching(/^\S+$/, "a container image"), default: "docker.io/library/busybox:1.37.0" },
    captureNamespace: {
        read: matching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "the name of a namespace"),
        default: "kamino-capture",
    },
};

/** Keys that a pool alone has. */
const OWN_KEYS: { [K in Exclude<Own, "subscriptionId">]-?: Key<string> } = {
    name: { read: matching(/^[A-Za-z0-9][\w.-]{0,79}$/, "a name of letters, digits, '-', '_' and '.'") },
    scaleSet: { read: text },
    node: { read: nodeName },
    pin: { read: imageVersion },
};

/** Keys of the whole program. */
const PROGRAM_KEYS = {
    pools: { read: listOf((item) => item) },
    // Its resources keep it in the state: what is in the file must not get there.
    kubeconfig: { read: matching(/^[^\r\n{]{1,1000}$/, "the path of a kubeconfig file, and not what is in it") },
    context: { read: text },
    // Of a stack of its own, which has no pools: read by components/schedule.
    schedule: { read: (value: unknown) => value },
};

/** All keys of the stack's configuration, for the schema in Pulumi.yaml to agree with. */
export const TOP_LEVEL_KEYS: Record<string, Key<unknown>> = { ...PROGRAM_KEYS, ...SHARED_KEYS };

/**
 * The stack's configuration, complete and checked.
 *
 * @param config the bag of this project's keys, as `new pulumi.Config()` gives it
 * @throws UserError in one line that starts with the config key
 */
export function loadSettings(config: pulumi.Config): Settings {
    const prefix = `${config.name}:`;
    const configured = Object.fromEntries(
        Object.entries(pulumi.runtime.allConfig())
            .filter(([key]) => key.startsWith(prefix))
            .map(([key, value]) => [key.slice(prefix.length), value]),
    );
    return readSettings(configured, config.name);
}

/** The same from plain values: texts as the engine gives them. */
export function readSettings(configured: Record<string, unknown>, project = "kamino"): Settings {
    refuseUnknown(configured, Object.keys(TOP_LEVEL_KEYS), `${project}:`);
    const shared = readKeys<typeof SHARED_KEYS>(SHARED_KEYS, configured, `${project}:`);
    const { pools, kubeconfig, context } = readKeys<typeof PROGRAM_KEYS>(PROGRAM_KEYS, configured, `${project}:`);
    if (!pools?.length) {
        throw new UserError(
            `${project}:pools is missing: name at least one scale set, as in pulumi config set --path '${project}:pools[0].scaleSet' NAME`,
        );
    }
    const read = pools.map((pool, index) => readPool(pool, shared, `${project}:pools[${index}]`));
    refuseTwice(read, `${project}:pools`);
    return { pools: read, kubeconfig, context };
}

type Values<K> = { [P in keyof K]?: K[P] extends Key<infer T> ? T : never };

function readPool(pool: unknown, shared: Values<typeof SHARED_KEYS>, at: string): PoolSettings {
    if (typeof pool !== "object" || pool === null || Array.isArray(pool)) {
        throw new UserError(`${at} must be an object with at least scaleSet, not ${JSON.stringify(pool)}`);
    }
    const own = pool as Record<string, unknown>;
    refuseUnknown(own, [...Object.keys(OWN_KEYS), ...Object.keys(SHARED_KEYS)], `${at}.`);
    const { scaleSet, name, node, pin } = readKeys<typeof OWN_KEYS>(OWN_KEYS, own, `${at}.`);
    if (!scaleSet) {
        throw new UserError(`${at}.scaleSet is missing: the name or ARM id of the pool's scale set`);
    }
    const place = locate(scaleSet, `${at}.scaleSet`);
    const overrides = readKeys<typeof SHARED_KEYS>(SHARED_KEYS, own, `${at}.`, false);
    const settings = { ...shared, ...defined(overrides), ...place };
    if (!settings.resourceGroup) {
        throw new UserError(`kamino:resourceGroup is missing: the resource group of the pools' scale sets`);
    }
    return { ...settings, name: readName(name ?? place.scaleSet, `${at}.name`), node, pin } as PoolSettings;
}

const SCALE_SET_ID =
    /^\/subscriptions\/([0-9a-f-]{36})\/resourceGroups\/([\w.()-]{1,90})\/providers\/Microsoft\.Compute\/virtualMachineScaleSets\/([\w.-]{1,64})$/i;

/** Where a scale set is, by its name (in the configured resource group) or by its ARM id. */
function locate(scaleSet: string, at: string) {
    const id = SCALE_SET_ID.exec(scaleSet);
    if (id) {
        return { subscriptionId: id[1], resourceGroup: id[2], scaleSet: id[3] };
    }
    if (!/^[\w.-]{1,64}$/.test(scaleSet)) {
        throw new UserError(
            `${at} must be a scale set's name or ARM id (/subscriptions/…/virtualMachineScaleSets/NAME), not ${JSON.stringify(scaleSet)}`,
        );
    }
    return { scaleSet };
}

function readName(name: string, at: string): string {
    return readValue(OWN_KEYS.name, name, at) as string;
}

function readKeys<K extends Record<string, Key<unknown>>>(
    keys: K,
    configured: Record<string, unknown>,
    prefix: string,
    withDefaults = true,
): Values<K> {
    const values = Object.entries(keys).map(([key, definition]) => {
        const value = readValue(definition, configured[key], prefix + key);
        return [key, value ?? (withDefaults ? definition.default : undefined)];
    });
    return Object.fromEntries(values) as Values<K>;
}

function readValue(key: Key<unknown>, value: unknown, at: string): unknown {
    // Pulumi.yaml's schema has no "optional": empty text is its default for keys that need not be set.
    if (value === undefined || value === null || value === "") {
        return undefined;
    }
    try {
        return key.read(value);
    } catch (error) {
        const shown = typeof value === "string" ? value : JSON.stringify(value);
        // A whole file in place of a value may hold what should not be seen.
        const not = /[\r\n]|.{200}/.test(shown) ? "" : `, not ${JSON.stringify(parsed(shown) ?? shown)}`;
        throw new UserError(`${at} must be ${(error as Error).message}${not}`);
    }
}

function refuseUnknown(configured: Record<string, unknown>, known: string[], prefix: string): void {
    for (const key of Object.keys(configured).filter((each) => !known.includes(each))) {
        const near = closest(key, known);
        const hint =
            distance(key.toLowerCase(), near.toLowerCase()) <= Math.min(3, key.length / 3)
                ? `did you mean ${near}?`
                : `the keys are ${[...known].sort().join(", ")}`;
        throw new UserError(`${prefix}${key} is not a known key; ${hint}`);
    }
}

/** Azure compares names without case, and so do we. */
function refuseTwice(pools: PoolSettings[], at: string): void {
    const places = new Map<string, number>();
    pools.forEach((pool, index) => {
        // The subscription is left out: one pool by name and one by id may well be the same.
        const place = `scale set ${pool.scaleSet} in resource group ${pool.resourceGroup}`;
        for (const seen of [place.toLowerCase(), `pool name ${pool.name}`.toLowerCase()]) {
            const first = places.get(seen);
            if (first !== undefined && first !== index) {
                const what = seen.startsWith("pool name") ? `the pool name "${pool.name}"` : place;
                throw new UserError(`${at}[${index}] has ${what}, as ${at}[${first}] has; name each pool once`);
            }
            places.set(seen, index);
        }
    });
}

function defined<T extends object>(values: T): Partial<T> {
    return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
