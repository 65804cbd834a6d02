// The schedule's settings: the one object `kamino:schedule`, checked as a whole before anything is declared.
import * as pulumi from "@pulumi/pulumi";
import { boolean, duration, integer, matching, oneOf, text } from "../config/values";
import { UserError } from "../core/errors";
import { readStackSettings, type StackSettings } from "./stackSettings";
import { environment, object, readObject, timeZone, type Key } from "./values";
import { seconds } from "../core/duration";

/** How the scheduled run signs in to Azure. */
export interface AzureIdentity {
    subscriptionId: string;
    tenantId: string;
    /** Client id of the managed identity or app that trusts this service account (workload identity federation). */
    clientId?: string;
}

/** What the schedule is, complete and checked. Durations are in seconds. */
export interface ScheduleSettings {
    /** Name of the CronJob and what belongs to it. */
    name: string;
    /** The stack that is previewed or bumped: another one than that which declares the schedule. */
    stack: string;
    /** Its settings: Pulumi.<stack>.yaml without what only holds on a person's machine. */
    stackSettings: StackSettings;
    cron: string;
    timeZone: string;
    mode: "up" | "preview";
    suspend: boolean;
    image: string;
    namespace: string;
    backendUrl: string;
    /** A PersistentVolumeClaim for the state, where it is kept in files. */
    stateClaim?: string;
    azure: AzureIdentity;
    /** A Secret whose keys become environment variables (a passphrase, a client secret, a storage key). */
    environmentSecret?: string;
    /** Further environment variables that are no secret. */
    environment: Record<string, string>;
    startingDeadline: number;
    activeDeadline: number;
    gracePeriod: number;
    keepSucceeded: number;
    keepFailed: number;
    resources: { cpu: string; memory: string; memoryLimit: string; cpuLimit: string };
}

/** Where the volume of `stateClaim` is mounted in the pod. */
export const STATE_MOUNT = "/var/lib/kamino/state";

const dnsLabel = (longest: number) =>
    matching(
        new RegExp(`^[a-z0-9]([a-z0-9-]{0,${longest - 2}}[a-z0-9])?$`),
        `a name of at most ${longest} lower case letters, digits and '-'`,
    );
const quantity = matching(/^\d+(\.\d+)?(m|Ki|Mi|Gi|k|M|G)?$/, "a quantity such as 500m, 2 or 1Gi");
const uuid = matching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, "a UUID");

const KEYS: Record<string, Key> = {
    // Kubernetes adds 17 characters to a CronJob's name for a pod's; within 63 in all, a pod's host name is its whole name.
    name: { read: dnsLabel(40), default: "kamino" },
    stack: { read: matching(/^[\w./-]{1,200}$/, "the name of a stack") },
    settingsFile: { read: text },
    cron: {
        read: matching(
            /^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|\S+( +\S+){4})$/,
            "a cron expression of five fields, such as 0 4 * * *",
        ),
        default: "0 4 * * *",
    },
    timeZone: { read: timeZone, default: "Etc/UTC" },
    mode: { read: oneOf("up", "preview"), default: "up" },
    suspend: { read: boolean, default: false },
    image: { read: matching(/^\S+[:@]\S+$/, "a container image with a tag or, better, a digest") },
    namespace: { read: dnsLabel(63), default: "kamino" },
    backendUrl: {
        read: matching(
            /^(azblob|s3|gs|https|file):\/\/\S+$/,
            "the URL of a state backend, such as azblob://state?storage_account=NAME",
        ),
    },
    stateClaim: { read: dnsLabel(63) },
    azure: { read: object },
    environmentSecret: { read: dnsLabel(63) },
    environment: { read: environment, default: {} },
    // A day's run that could not start within four hours is left to the next day.
    startingDeadline: { read: duration(60), default: "4h" },
    // An image version takes an hour and more, for each pool.
    activeDeadline: { read: duration(60), default: "8h" },
    // To power a node on, and wait until it is Ready.
    gracePeriod: { read: duration(60), default: "20m" },
    keepSucceeded: { read: integer(0, 100), default: 3 },
    keepFailed: { read: integer(0, 100), default: 7 },
    resources: { read: object, default: {} },
};

const AZURE_KEYS: Record<string, Key> = {
    subscriptionId: { read: uuid },
    tenantId: { read: uuid },
    clientId: { read: uuid },
};

const RESOURCE_KEYS: Record<string, Key> = {
    cpu: { read: quantity, default: "250m" },
    memory: { read: quantity, default: "768Mi" },
    cpuLimit: { read: quantity, default: "2" },
    memoryLimit: { read: quantity, default: "2Gi" },
};

/**
 * The schedule that a stack declares; undefined when it declares none.
 *
 * @param config the bag of this project's keys, as `new pulumi.Config()` gives it
 * @throws UserError in one line that starts with the config key
 */
export function loadSchedule(config: pulumi.Config): ScheduleSettings | undefined {
    const configured = config.getObject<Record<string, unknown>>("schedule");
    if (!configured || Object.keys(configured).length === 0) {
        return undefined;
    }
    const pools = config.get("pools");
    if (pools && pools !== "[]") {
        throw new UserError(
            `${config.name}:schedule is declared by a stack of its own, and this one has ${config.name}:pools; make a stack ` +
                "for the schedule (pulumi stack init), so that the scheduled run cannot change its own permissions",
        );
    }
    return readSchedule(configured, {
        key: `${config.name}:schedule`,
        ownStack: pulumi.getStack(),
        project: config.name,
    });
}

/** The same from plain values. Reads the settings file of the stack that is to run. */
export function readSchedule(
    configured: Record<string, unknown>,
    { key, ownStack, project }: { key: string; ownStack: string; project: string },
): ScheduleSettings {
    const values = readObject(configured, KEYS, key) as unknown as Omit<ScheduleSettings, "azure" | "resources"> & {
        settingsFile?: string;
        azure?: Record<string, unknown>;
        resources: Record<string, unknown>;
    };
    const { settingsFile, ...rest } = values;
    for (const needed of ["stack", "image", "azure"] as const) {
        if (values[needed] === undefined) {
            throw new UserError(`${key}.${needed} is missing; see docs/automation.md`);
        }
    }
    if (values.stack === ownStack) {
        throw new UserError(`${key}.stack must be another stack than this one, which declares the schedule only`);
    }
    const azure = readObject(values.azure ?? {}, AZURE_KEYS, `${key}.azure`) as unknown as AzureIdentity;
    for (const needed of ["subscriptionId", "tenantId"] as const) {
        if (!azure[needed]) {
            throw new UserError(`${key}.azure.${needed} is missing: the run signs in to Azure with it`);
        }
    }
    const file = settingsFile ?? `Pulumi.${values.stack.split("/").at(-1)}.yaml`;
    const stackSettings = readStackSettings(file, project, `${key}.settingsFile`);
    refuseWhatCannotRun({ ...rest, azure }, stackSettings.needsPassphrase, key);
    return {
        ...rest,
        backendUrl: backendUrl(values, key),
        azure,
        stackSettings,
        resources: readObject(values.resources, RESOURCE_KEYS, `${key}.resources`) as ScheduleSettings["resources"],
        startingDeadline: seconds(String(values.startingDeadline)),
        activeDeadline: seconds(String(values.activeDeadline)),
        gracePeriod: seconds(String(values.gracePeriod)),
    };
}

function refuseWhatCannotRun(
    settings: Pick<ScheduleSettings, "azure" | "environmentSecret">,
    needsPassphrase: boolean,
    key: string,
): void {
    if (!settings.environmentSecret && needsPassphrase) {
        throw new UserError(
            `${key}.environmentSecret is missing: the stack's secrets are encrypted with a passphrase, so name a Secret with ` +
                "PULUMI_CONFIG_PASSPHRASE (or move the stack to a key vault: pulumi stack change-secrets-provider)",
        );
    }
    if (!settings.environmentSecret && !settings.azure.clientId) {
        throw new UserError(
            `${key}.azure.clientId is missing: the identity that trusts the run's service account; without one, name a Secret with ` +
                `ARM_CLIENT_ID and ARM_CLIENT_SECRET in ${key}.environmentSecret`,
        );
    }
}

/** The state has to outlive the pod. */
function backendUrl(
    { backendUrl: url, stateClaim }: { backendUrl?: string; stateClaim?: string },
    key: string,
): string {
    const files = `file://${STATE_MOUNT}`;
    if (stateClaim) {
        if (url && url !== files) {
            throw new UserError(`${key}.stateClaim keeps the state at ${files}; leave ${key}.backendUrl away`);
        }
        return files;
    }
    if (!url || url.startsWith("file:")) {
        throw new UserError(
            `${key}.backendUrl must be a state backend that outlives the pod, such as azblob://state?storage_account=NAME ` +
                `(or name a volume in ${key}.stateClaim)`,
        );
    }
    return url;
}
