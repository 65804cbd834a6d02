// Delivers a report: to the screen, a file, the job summary of GitHub Actions, and in the cluster a ConfigMap. That of
// Azure Pipelines takes a command in the log, which another step gives (deploy/azure-pipelines.yml).
import { access, appendFile, constants, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { CoreV1Api, type KubeConfig } from "@kubernetes/client-node";
import { packagesFolder } from "../components/capture/packagesFolder";
import { UserError, oneLine } from "../components/core/errors";
import { withRetries } from "../components/core/retry";
import { compressed, withPackages } from "./packages";
import type { Pod } from "./pod";

/** A report to deliver. */
export interface Delivery {
    mode: "preview" | "up";
    headline: string;
    text: string;
    /** The part for the screen; by default the whole text, and nothing where it is empty. */
    screen?: string;
    exitCode: number;
}

/** Where to deliver it, besides the screen. */
export interface Destinations {
    file?: string;
    env: NodeJS.ProcessEnv;
    cluster?: { config: KubeConfig; pod: Pod };
}

/** The report could not be written to its file. */
export class ReportFileError extends UserError {}

/**
 * Refuses a report that could not be written, before a run does anything.
 *
 * @throws ReportFileError in one line
 */
export async function checkReportFile(file: string): Promise<void> {
    const folder = dirname(file);
    const found = await stat(folder).catch(() => undefined);
    if (!found?.isDirectory()) {
        throw new ReportFileError(
            `--report (KAMINO_REPORT): there is no folder ${folder}; make it, or name another file`,
        );
    }
    const target = (await stat(file).catch(() => undefined)) ? file : folder;
    if (target === file && (await stat(file)).isDirectory()) {
        throw new ReportFileError(`--report (KAMINO_REPORT): ${file} is a folder; name a file`);
    }
    await access(target, constants.W_OK).catch(() => {
        throw new ReportFileError(
            `--report (KAMINO_REPORT): ${target} cannot be written by this user; give it the right, or name another file`,
        );
    });
}

/**
 * Delivers a report. The screen comes first, so that the log has it even if another destination fails. Each of the
 * others fails for itself.
 *
 * @returns what was not delivered, one line each
 */
export async function deliver(delivery: Delivery, { file, env, cluster }: Destinations): Promise<string[]> {
    const { text, screen = text } = delivery;
    if (screen !== "") {
        console.log(screen);
    }
    const { GITHUB_STEP_SUMMARY: summary } = env;
    return [
        ...(file ? await attempt(`to ${file}`, () => writeFile(file, text)) : []),
        ...(summary ? await attempt("to the job summary (GITHUB_STEP_SUMMARY)", () => appendFile(summary, text)) : []),
        ...(cluster ? await toConfigMap(cluster, (pod, core) => writeConfigMap(delivery, env, core, pod)) : []),
    ];
}

/** Writes why a run did not begin beside the last report, which is of another run and stays. */
export async function deliverLastError(
    error: string,
    cluster: NonNullable<Destinations["cluster"]>,
): Promise<string[]> {
    return await toConfigMap(cluster, async ({ report: name, namespace }, core) => {
        const configMap = await core.readNamespacedConfigMap({ name, namespace });
        configMap.data = { ...configMap.data, lastError: error, lastErrorAt: new Date().toISOString() };
        await core.replaceNamespacedConfigMap({ name, namespace, body: configMap });
    });
}

/** What it reads and writes does not depend on what an earlier attempt has written. */
async function toConfigMap(
    { config, pod }: NonNullable<Destinations["cluster"]>,
    write: (pod: Pod, core: CoreV1Api) => Promise<void>,
): Promise<string[]> {
    const core = config.makeApiClient(CoreV1Api);
    return await attempt(`to ConfigMap ${pod.namespace}/${pod.report}`, () => withRetries(() => write(pod, core)));
}

async function attempt(where: string, write: () => Promise<void>): Promise<string[]> {
    try {
        await write();
        return [];
    } catch (error) {
        return [`the report was not written ${where}: ${oneLine(error)}`];
    }
}

/** Writes the ConfigMap that the schedule declares, empty. A run may change this one and no other. */
async function writeConfigMap(
    delivery: Delivery,
    env: NodeJS.ProcessEnv,
    core: CoreV1Api,
    { report: name, namespace, name: pod }: Pod,
): Promise<void> {
    // The packages of the images that this run has made.
    const made = await compressed(packagesFolder(env) ?? "");
    const configMap = await core.readNamespacedConfigMap({ name, namespace });
    const { mode, headline, text, exitCode } = delivery;
    configMap.data = {
        mode,
        pod,
        headline,
        exitCode: String(exitCode),
        report: text,
        finished: new Date().toISOString(),
    };
    const binaryData = withPackages(configMap.binaryData ?? {}, made);
    if (Object.keys(binaryData).length > 0) {
        configMap.binaryData = binaryData;
    }
    await core.replaceNamespacedConfigMap({ name, namespace, body: configMap });
}
