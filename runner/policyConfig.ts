// Checks the settings of the policy pack before anything runs: the engine skips what it does not know.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { nearest } from "../components/config/values";
import { UserError } from "../components/core/errors";
import { PROJECT } from "../components/core/project";

/** For all policies that are not named. */
const ALL = "all";
const LEVEL = "enforcementLevel";

/** Which options each policy takes, by its name. */
export type KnownPolicies = Record<string, string[]>;

/**
 * Looks whether the pack has each policy and each option that a settings file names. A policy that was renamed, or is
 * misspelt, would be at its default level and options, and nobody would hear of it. What an option's value may be, the
 * pack itself checks.
 *
 * @param file as pulumi finds it: from the project's folder
 * @throws UserError in one line
 */
export async function checkPolicyConfig(file: string | undefined): Promise<void> {
    if (file === undefined) {
        return;
    }
    const text = await readFile(resolve(PROJECT, file), "utf8").catch(() => {
        throw new UserError(`--policy-config: there is no file ${file}`);
    });
    const refusal = refusalOf(text, await knownPolicies());
    if (refusal !== undefined) {
        throw new UserError(`--policy-config ${file}: ${refusal}`);
    }
}

/** The pack's own policies. Loaded where somebody asks: its SDK takes half a second. */
async function knownPolicies(): Promise<KnownPolicies> {
    const { policies } = await import("../policies/all.js");
    return Object.fromEntries(
        policies.map(({ name, configSchema }) => [name, Object.keys(configSchema?.properties ?? {})]),
    );
}

/** Why settings would not do what they say; undefined where they do. Pure. */
export function refusalOf(text: string, known: KnownPolicies): string | undefined {
    const settings = objectIn(text);
    if (!settings) {
        return "it must be a JSON object, by policy";
    }
    for (const [policy, value] of Object.entries(settings)) {
        if (policy !== ALL && !Object.hasOwn(known, policy)) {
            return `the pack has no policy ${JSON.stringify(policy)}; ${nearest(policy, Object.keys(known))}`;
        }
        const options = [LEVEL, ...(known[policy] ?? [])];
        const unknown = typeof value === "object" && Object.keys(value ?? {}).find((key) => !options.includes(key));
        if (unknown) {
            return `policy ${policy} has no option ${JSON.stringify(unknown)}; ${nearest(unknown, options)}`;
        }
    }
    return undefined;
}

function objectIn(text: string): Record<string, unknown> | undefined {
    try {
        const value: unknown = JSON.parse(text);
        return typeof value === "object" && !Array.isArray(value)
            ? ((value as Record<string, unknown>) ?? undefined)
            : undefined;
    } catch {
        return undefined;
    }
}
