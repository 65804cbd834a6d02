// Which extensions of a model go when new nodes start from an image, and which stay. Pure.
import picomatch from "picomatch";
import { extensionText, type Bootstrap } from "../../policies/contract";

/** The parts of an extension that tell what it is. */
export interface Extension {
    name?: string;
    publisher?: string;
    type?: string;
    provisionAfterExtensions?: string[];
}

/**
 * What the configuration says of extensions: patterns (`*` as in file names), without case, on a name or
 * `publisher/type`.
 */
export interface ExtensionSettings {
    removeExtensions: string[];
    keepExtensions: string[];
    /** `keep` where new nodes still join by their own bootstrap: then no extension that bootstraps goes. */
    bootstrap?: Bootstrap;
    /** Names of extensions that this stack has declared to wait for none: that is declared on. */
    unordered?: string[];
}

/**
 * Extensions that make a node of a fresh machine, by type: Azure's scripts, with which AKS Engine and most others
 * bootstrap (CustomScript of Microsoft.Azure.Extensions, CustomScriptForLinux of Microsoft.OSTCExtensions), and the own
 * ones of AKS and of Cluster API's provider for Azure. By type and not by name: names are free, and AKS Engine's
 * billing marker is named much like its scale set.
 */
const BOOTSTRAPS = ["customscript*", "compute.aks.linux.aksnode", "capz.linux.bootstrapping"];

/** Whether an extension bootstraps a node: what it does is on an image of a node already. */
export function bootstraps({ type }: Extension): boolean {
    return type !== undefined && picomatch.isMatch(type.toLowerCase(), BOOTSTRAPS);
}

/**
 * Extensions that run a script or a configuration of their user's, by type: it may be what bootstraps a node, or have
 * nothing to do with it. They stay unless the configuration removes them, and are named.
 */
const SCRIPTS = ["runcommand*linux", "dscforlinux", "dockerextension", "linuxchefclient"];

/** Whether an extension runs on each new node what nobody but its user knows. */
function runsScript({ type }: Extension): boolean {
    return type !== undefined && picomatch.isMatch(type.toLowerCase(), SCRIPTS);
}

/** Whether one of the patterns matches an extension's name or its `publisher/type`. */
export function matches({ name, publisher, type }: Extension, patterns: string[]): boolean {
    const texts = [name ?? "", `${publisher ?? ""}/${type ?? ""}`].filter((text) => text !== "");
    return texts.some((text) => picomatch.isMatch(text, patterns, { nocase: true, dot: true }));
}

/**
 * Whether an extension stays in a model that starts from an image. What is configured to stay stays, whatever it is.
 */
export function keepsExtension(extension: Extension, settings: ExtensionSettings): boolean {
    const goes = bootstraps(extension) ? settings.bootstrap !== "keep" : matches(extension, settings.removeExtensions);
    return !goes || matches(extension, settings.keepExtensions);
}

/**
 * The extensions that stay. None of them waits any more for one that goes: Azure refuses a model in which an extension
 * waits for one that is not there. That one waits for none has to be said, as an empty list: Azure keeps what a PUT
 * leaves out. It is said again in later runs, whatever Azure answers, since Pulumi compares with what was said before.
 */
export function keptExtensions<T extends Extension>(extensions: T[], settings: ExtensionSettings): T[] {
    const kept = extensions.filter((extension) => keepsExtension(extension, settings));
    const names = kept.map(({ name }) => name?.toLowerCase());
    return kept.map((extension) => {
        const before = extension.provisionAfterExtensions ?? [];
        const order = before.filter((name) => names.includes(name.toLowerCase()));
        const isUnordered = before.length === 0 && (settings.unordered ?? []).includes(extension.name ?? "");
        return order.length < before.length || isUnordered
            ? { ...extension, provisionAfterExtensions: order }
            : extension;
    });
}

/** The parts of an extension from its text in a record: `NAME (PUBLISHER/TYPE)`. */
export function parseExtensionText(text: string): Extension {
    const [, name = text, publisher, type] = /^(.*) \(([^/()]*)\/([^()]*)\)$/.exec(text) ?? [];
    return { name, publisher, type };
}

/**
 * Which extensions go and which stay, by name, for the pool's line, and which of those run a script on each new node;
 * undefined when none goes and none does that.
 */
export function extensionLine(extensions: Extension[], settings: ExtensionSettings): string | undefined {
    const [stay, go] = [true, false].map((kept) =>
        extensions.filter((extension) => keepsExtension(extension, settings) === kept),
    );
    const textOf = (some: Extension[]) => some.map(extensionText).join(", ") || "none";
    // Where new nodes join by their own bootstrap it runs there as it always did; what is configured to stay is known.
    const isSaid = (one: Extension) => runsScript(one) && !matches(one, settings.keepExtensions);
    const scripts = settings.bootstrap === "keep" ? [] : stay.filter(isSaid);
    const parts = [
        ...(go.length > 0 ? [`extensions that leave the model: ${textOf(go)}; that stay: ${textOf(stay)}`] : []),
        ...(scripts.length > 0
            ? [
                  `extensions that stay and run a script on each new node: ${textOf(scripts)}; ` +
                      "name in removeExtensions what bootstraps a node, and in keepExtensions what does not",
              ]
            : []),
    ];
    return parts.join("; ") || undefined;
}
