// The schedule's settings: the one object `kamino:schedule`, checked as a whole before anything is declared.
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { readBySchema } from "../config/read";
import {
    boolean,
    duration,
    integer,
    matching,
    objectOf,
    oneOf,
    optional,
    recordOf,
    required,
    text,
    withDefault,
} from "../config/values";
import { RESTORE_LIMIT } from "../capture/steps";
import { MINUTE } from "../core/duration";
import { UserError } from "../core/errors";
import { nodeSelector, tolerations } from "./placement";
import { readStackSettings, type StackSettings } from "./stackSettings";

/** Where the volume of `stateClaim` is mounted in the pod. */
export const STATE_MOUNT = "/var/lib/kamino/state";

const dnsLabel = (longest: number) =>
    matching(
        new RegExp(`^[a-z0-9]([a-z0-9-]{0,${longest - 2}}[a-z0-9])?$`),
        `a name of at most ${longest} lower case letters, digits and '-'`,
    );
const quantity = matching(/^\d+(\.\d+)?(m|Ki|Mi|Gi|k|M|G)?$/, "a quantity such as 500m, 2 or 1Gi");
const uuid = matching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, "a UUID");
const seconds = (least: number) => duration(least).transform((milliseconds) => milliseconds / 1000);

/** A time zone that this machine knows. */
const timeZone = z.string("a time zone such as Europe/Berlin or Etc/UTC").refine((zone) => {
    try {
        return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone !== "";
    } catch {
        return false;
    }
}, "a time zone such as Europe/Berlin or Etc/UTC");

/** A URL with a password. */
const SIGNS_IN = /^\w+:\/\/[^/?#]*:[^/?#]*@/;

/** Environment variables. What looks like a secret belongs into a Secret. */
const environment = recordOf(
    matching(/^[A-Z_][A-Z0-9_]*$/, "an object of environment variables"),
    z.union([z.string(), z.number(), z.boolean()], "text, a number or a boolean").transform(String),
    "an object of environment variables",
).superRefine((variables, context) => {
    const secret = Object.entries(variables).find(
        ([name, value]) => /SECRET|PASSWORD|PASSPHRASE|TOKEN$|_KEY$|_HEADERS$/.test(name) || SIGNS_IN.test(value),
    )?.[0];
    if (secret !== undefined) {
        const message = `without ${secret}: put it into the Secret that environmentSecret names`;
        context.addIssue({ code: "custom", message, input: variables });
    }
});

const toSignIn = ": the run signs in to Azure with it";

/** How the scheduled run signs in to Azure. */
const azureIdentity = objectOf({
    subscriptionId: required(uuid, toSignIn),
    tenantId: required(uuid, toSignIn),
    // Client id of the managed identity or app that trusts this service account (workload identity federation).
    clientId: optional(uuid),
});

const resources = objectOf({
    cpu: withDefault(quantity, "250m"),
    memory: withDefault(quantity, "768Mi"),
    cpuLimit: withDefault(quantity, "2"),
    memoryLimit: withDefault(quantity, "2Gi"),
});

const documented = "; see docs/automation.md";

/** The object `kamino:schedule`. Durations become seconds. */
const scheduleObject = objectOf({
    // Kubernetes adds 17 characters to a CronJob's name for a pod's; within 63 in all, a pod's host name is its whole
    // name.
    name: withDefault(dnsLabel(40), "kamino"),
    // The stack that is previewed or bumped: another one than that which declares the schedule.
    stack: required(matching(/^[\w./-]{1,200}$/, "the name of a stack"), documented),
    settingsFile: optional(text),
    cron: withDefault(
        matching(
            /^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|\S+( +\S+){4})$/,
            "a cron expression of five fields, such as 0 4 * * *",
        ),
        "0 4 * * *",
    ),
    timeZone: withDefault(timeZone, "Etc/UTC"),
    mode: withDefault(oneOf("up", "preview"), "up"),
    suspend: withDefault(boolean(), false),
    image: required(matching(/^\S+[:@]\S+$/, "a container image with a tag or, better, a digest"), documented),
    // A Secret of type kubernetes.io/dockerconfigjson, for an image in a private registry.
    imagePullSecret: optional(dnsLabel(63)),
    namespace: withDefault(dnsLabel(63), "kamino"),
    backendUrl: optional(
        matching(
            /^(azblob|s3|gs|https|file):\/\/\S+$/,
            "the URL of a state backend, such as azblob://state?storage_account=NAME",
        ),
    ),
    // A PersistentVolumeClaim for the state, where it is kept in files.
    stateClaim: optional(dnsLabel(63)),
    azure: required(azureIdentity, documented),
    // A Secret whose keys become environment variables (a passphrase, a client secret, a storage key).
    environmentSecret: optional(dnsLabel(63)),
    // Further environment variables that are not secret.
    environment: withDefault(environment, {}),
    // A day's run that could not start within four hours is left to the next day.
    startingDeadline: withDefault(seconds(60), "4h"),
    // An image version takes an hour and more, for each pool.
    activeDeadline: withDefault(seconds(60), "8h"),
    // To restore a node (RESTORE_LIMIT), or to remove a copy, with room for what is tried again.
    gracePeriod: withDefault(seconds(60), "60m"),
    keepSucceeded: withDefault(integer(0, 100), 3),
    keepFailed: withDefault(integer(0, 100), 7),
    resources: withDefault(resources, {}),
    // For a cluster whose nodes are tainted, or of which some are spot VMs that go under a run.
    nodeSelector: withDefault(nodeSelector, {}),
    tolerations: withDefault(tolerations, []),
});

type ScheduleValues = z.output<typeof scheduleObject>;

/** What the schedule is, complete and checked. */
export interface ScheduleSettings extends Omit<
    ScheduleValues,
    "settingsFile" | "backendUrl" | "startingDeadline" | "activeDeadline" | "gracePeriod"
> {
    /** The settings of the stack that runs: Pulumi.<stack>.yaml without what only holds on a person's machine. */
    stackSettings: StackSettings;
    backendUrl: string;
    startingDeadlineSeconds: number;
    activeDeadlineSeconds: number;
    terminationGracePeriodSeconds: number;
}

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
            `${config.name}:schedule is declared by a separate stack, and this one has ${config.name}:pools; make a stack ` +
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
    const values = readBySchema(scheduleObject, configured, `${key}.`);
    const { settingsFile, startingDeadline, activeDeadline, gracePeriod, ...rest } = values;
    if (values.stack === ownStack) {
        throw new UserError(`${key}.stack must be another stack than this one, which declares the schedule only`);
    }
    const file = settingsFile ?? `Pulumi.${values.stack.split("/").at(-1)}.yaml`;
    const stackSettings = readStackSettings(file, project, `${key}.settingsFile`);
    refuseWhatCannotRun(rest, stackSettings.needsPassphrase, key);
    refuseShortGrace({ mode: values.mode, gracePeriod }, stackSettings, key);
    return {
        ...rest,
        backendUrl: backendUrl(values, key),
        stackSettings,
        startingDeadlineSeconds: startingDeadline,
        activeDeadlineSeconds: activeDeadline,
        terminationGracePeriodSeconds: gracePeriod,
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

/** With less a pod that is stopped is killed before a machine that was switched off can be a Ready node again. */
const LEAST_GRACE_SECONDS = 20 * 60;

/**
 * Refused, and not warned of: it comes up when a person runs `up` of the schedule, never in a nightly run, and what it
 * is about costs a node.
 */
function refuseShortGrace(
    { mode, gracePeriod }: Pick<ScheduleValues, "mode" | "gracePeriod">,
    { captureModes }: StackSettings,
    key: string,
): void {
    if (mode === "up" && captureModes.includes("in-place") && gracePeriod < LEAST_GRACE_SECONDS) {
        throw new UserError(
            `${key}.gracePeriod must be 20m at the very least where a disk may be captured in place; restoring its node takes up to ` +
                `${RESTORE_LIMIT / MINUTE} minutes: leave it out (60m), or set kamino:capture to copy in the stack that is to run`,
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
