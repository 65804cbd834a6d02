// kured as its DaemonSet tells it: which DaemonSet it is, and the options that it runs with. Pure.
//
// Source of options, defaults and precedence: kured's cmd/kured/main.go (kubereboot/kured). Flags are pflag's, each may
// also come as an environment variable KURED_NAME_OF_THE_FLAG (viper, since 1.9), and a flag on the command line wins.
import { parseArgs } from "node:util";
import type { V1Container, V1DaemonSet } from "@kubernetes/client-node";
import { parseArgsStringToArgv } from "string-argv";
import { namesNode, readLock } from "./kuredLockValue";

/** The options of kured that matter here. */
export interface KuredOptions {
    /** `--annotate-nodes`: whether kured annotates nodes. Undefined where a ConfigMap or Secret says it. */
    annotateNodes: boolean | undefined;
    /** `--ds-namespace` and `--ds-name`: the DaemonSet that carries the lock. */
    lockNamespace: string;
    lockName: string;
    /** `--lock-annotation`: the key of the lock. */
    lockAnnotation: string;
    /** `--concurrency`: how many nodes may be out at once. More than 1 makes the lock one of several entries. */
    concurrency: number;
    /** `--period`: how often kured looks for a need, as Go writes durations; a need stays unseen for that long. */
    period: string;
}

/** kured as it was found. */
export interface Kured {
    namespace: string;
    name: string;
    /** The tag of its image, as in `1.16.0`; undefined when the image has none. */
    version?: string;
    options: KuredOptions;
    /** Labels that a node must have for kured to run on it. */
    nodeSelector: Record<string, string>;
}

/**
 * kured among the DaemonSets of a cluster. What runs kured's image or program comes before what is only called so, and
 * a helper named `kured-…` comes last. Where several kureds share a cluster (one for each pool, say), the one whose
 * node selector matches is taken.
 *
 * @param nodeLabels labels of the node that it is about, if it is about one
 */
export function findKured(daemonSets: V1DaemonSet[], nodeLabels?: Record<string, string>): Kured | undefined {
    return daemonSets
        .map((daemonSet) => ({ daemonSet, likeness: likeness(daemonSet) }))
        .filter(({ daemonSet, likeness }) => likeness > 0 && runsOn(daemonSet, nodeLabels))
        .sort((a, b) => b.likeness - a.likeness || (fullName(a.daemonSet) < fullName(b.daemonSet) ? -1 : 1))
        .map(({ daemonSet }) => toKured(daemonSet))[0];
}

/** A DaemonSet read as kured's, whatever it is called. */
export function toKured(daemonSet: V1DaemonSet): Kured {
    const { namespace = "", name = "" } = daemonSet.metadata ?? {};
    const container = kuredContainer(daemonSet) ?? daemonSet.spec?.template.spec?.containers[0];
    return {
        namespace,
        name,
        version: versionOfImage(container?.image),
        options: optionsOf(container, { namespace, name }),
        nodeSelector: daemonSet.spec?.template.spec?.nodeSelector ?? {},
    };
}

/** Whether kured's lock has an entry of this node, as far as the DaemonSets tell. */
export function holdsLock(daemonSets: V1DaemonSet[], node: string): boolean {
    const kured = findKured(daemonSets);
    const { lockNamespace, lockName, lockAnnotation } = kured?.options ?? {};
    const carrier = daemonSets.find(
        ({ metadata }) => metadata?.namespace === lockNamespace && metadata?.name === lockName,
    );
    return namesNode(readLock(carrier?.metadata?.annotations?.[lockAnnotation ?? ""]), node);
}

/**
 * Whether a version of kured is at least another one; undefined when its tag is not a version.
 *
 * @param version a tag as in `1.16.0`, `v1.9.2` or `1.14.0-alpha.1`
 */
export function isAtLeast(version: string | undefined, major: number, minor: number): boolean | undefined {
    const match = /^v?(\d{1,4})\.(\d{1,4})(?=[.-]|$)/.exec(version ?? "");
    if (!match) {
        return undefined;
    }
    const [, foundMajor, foundMinor] = match.map(Number);
    return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}

function fullName({ metadata }: V1DaemonSet): string {
    return `${metadata?.namespace}/${metadata?.name}`;
}

/** 3 for what runs kured's image or program, 2 for what has its very name, 1 for a name that contains it, else 0. */
function likeness(daemonSet: V1DaemonSet): number {
    if (kuredContainer(daemonSet)) {
        return 3;
    }
    const { name = "", labels = {} } = daemonSet.metadata ?? {};
    const names = [name, labels.name, labels.app, labels["app.kubernetes.io/name"]].filter(Boolean);
    if (names.includes("kured")) {
        return 2;
    }
    return names.some((each) => each.includes("kured")) ? 1 : 0;
}

function kuredContainer(daemonSet: V1DaemonSet): V1Container | undefined {
    const containers = daemonSet.spec?.template.spec?.containers ?? [];
    return (
        containers.find(({ image }) => /(^|\/)kured(:|@|$)/.test(image ?? "")) ??
        containers.find((container) => programAt(wordsOf(container)) >= 0)
    );
}

function runsOn(daemonSet: V1DaemonSet, nodeLabels: Record<string, string> | undefined): boolean {
    const selector = Object.entries(daemonSet.spec?.template.spec?.nodeSelector ?? {});
    return nodeLabels === undefined || selector.every(([key, value]) => nodeLabels[key] === value);
}

/** The words that the container starts with; a command given to a shell as one text comes apart. */
function wordsOf({ command = [], args = [], env = [] }: V1Container): string[] {
    const values = new Map(env.map(({ name, value }) => [name, value ?? ""]));
    // As kubelet does: https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
    const expand = (word: string) =>
        word.replace(/\$\$|\$\(([\w.-]+)\)/g, (whole, name?: string) =>
            name === undefined ? "$" : (values.get(name) ?? whole),
        );
    const words = [...command, ...args].map(expand);
    const shell = /(^|\/)(ba|da|a)?sh$/.test(words[0] ?? "");
    return shell ? words.flatMap((word) => parseArgsStringToArgv(word)) : words;
}

/** Where kured itself is among the words, behind a shell or an init; -1 where only its arguments are given. */
function programAt(words: string[]): number {
    const isOptionsValue = (index: number) => /^--./.test(words[index - 1] ?? "");
    return words.findIndex((word, index) => /^(\/\S*\/)?kured$/.test(word) && !isOptionsValue(index));
}

const FLAGS = {
    "annotate-nodes": { type: "boolean" },
    "ds-namespace": { type: "string" },
    "ds-name": { type: "string" },
    "lock-annotation": { type: "string" },
    concurrency: { type: "string" },
    period: { type: "string" },
} as const;
type Flag = keyof typeof FLAGS;

function optionsOf(container: V1Container | undefined, found: { namespace: string; name: string }): KuredOptions {
    const all = container ? wordsOf(container) : [];
    const words = all.slice(programAt(all) + 1);
    // Not strict: kured has many more flags than these.
    const { values } = parseArgs({ args: words, options: FLAGS, strict: false, allowPositionals: true });
    const variable = (flag: Flag) => fromEnvironment(container, `KURED_${flag.toUpperCase().replace(/-/g, "_")}`);
    const text = (flag: Flag, otherwise: string, whenHidden = otherwise) => {
        const value = values[flag] ?? variable(flag);
        return value === HIDDEN ? whenHidden : typeof value === "string" && value !== "" ? value : otherwise;
    };
    const annotates = values["annotate-nodes"] ?? variable("annotate-nodes");
    return {
        annotateNodes:
            annotates === HIDDEN ? undefined : annotates === true || GO_TRUE.includes(String(annotates ?? "")),
        // A value in a ConfigMap is not read: it is then most likely what makes kured find its own DaemonSet.
        lockNamespace: text("ds-namespace", "kube-system", found.namespace),
        lockName: text("ds-name", "kured", found.name),
        lockAnnotation: text("lock-annotation", "weave.works/kured-node-lock"),
        concurrency: Math.max(Number.parseInt(text("concurrency", "1"), 10) || 1, 1),
        period: text("period", "1h"),
    };
}

/** What Go takes for true: https://pkg.go.dev/strconv#ParseBool */
const GO_TRUE = ["1", "t", "T", "TRUE", "true", "True"];

/** The value of a variable that is kept somewhere else. */
const HIDDEN = Symbol("hidden");

/** The value of an environment variable; viper takes an empty one for none, and `envFrom` may hold any. */
function fromEnvironment(container: V1Container | undefined, name: string): string | typeof HIDDEN | undefined {
    const found = container?.env?.filter((each) => each.name === name).at(-1);
    if (found ? found.valueFrom : container?.envFrom?.length) {
        return HIDDEN;
    }
    return found?.value === "" ? undefined : found?.value;
}

/** The tag of an image, as in `ghcr.io/kubereboot/kured:1.16.0`. */
function versionOfImage(image = ""): string | undefined {
    const [name] = image.slice(image.lastIndexOf("/") + 1).split("@");
    return /:(\w[\w.-]{0,127})$/.exec(name)?.[1];
}
