// Delivers a report: to the screen, a file, the job summary of GitHub Actions, and in the cluster a ConfigMap. That of
// Azure Pipelines takes a command in the log, which another step gives (deploy/azure-pipelines.yml).
import { appendFile, writeFile } from "node:fs/promises";
import { CoreV1Api, type KubeConfig } from "@kubernetes/client-node";
import { packagesFolder } from "../components/capture/packagesFolder";
import { withRetries } from "../components/core/retry";
import { compressed, withPackages } from "./packages";
import type { Pod } from "./pod";

/** A report to deliver. */
export interface Delivery {
    mode: "preview" | "up";
    headline: string;
    text: string;
    /** The part for the screen; by default the whole text. */
    screen?: string;
    exitCode: number;
}

/** Where to deliver it, besides the screen. */
export interface Destinations {
    file?: string;
    env: NodeJS.ProcessEnv;
    cluster?: { config: KubeConfig; pod: Pod };
}

/** Delivers a report. The screen comes first, so that the log has it even if another destination fails. */
export async function deliver(delivery: Delivery, { file, env, cluster }: Destinations): Promise<void> {
    console.log(delivery.screen ?? delivery.text);
    if (file) {
        await writeFile(file, delivery.text);
    }
    if (env.GITHUB_STEP_SUMMARY) {
        await appendFile(env.GITHUB_STEP_SUMMARY, delivery.text);
    }
    if (cluster) {
        const made = await compressed(packagesFolder(env) ?? "");
        // What it reads and writes does not depend on what an earlier attempt has written.
        await withRetries(() => writeConfigMap(delivery, made, cluster.config, cluster.pod));
    }
}

/**
 * Writes the ConfigMap that the schedule declares, empty. A run may change this one and no other.
 *
 * @param made the packages of the images that this run has made
 */
async function writeConfigMap(
    delivery: Delivery,
    made: Record<string, string>,
    config: KubeConfig,
    { report: name, namespace, name: pod }: Pod,
): Promise<void> {
    const core = config.makeApiClient(CoreV1Api);
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
