// Where a report goes: the screen, a file, the job summary of GitHub Actions or Azure Pipelines, and in the cluster a ConfigMap.
import { appendFile, writeFile } from "node:fs/promises";
import { CoreV1Api, type KubeConfig } from "@kubernetes/client-node";
import type { Pod } from "./pod";

/** A report, made. */
export interface Delivery {
    mode: "preview" | "up";
    headline: string;
    text: string;
    /** What of it goes to the screen; all of it where left out. */
    screen?: string;
    exitCode: number;
}

/** The places that are there. */
export interface Places {
    /** A file to write it to. */
    file?: string;
    env: NodeJS.ProcessEnv;
    cluster?: { config: KubeConfig; pod: Pod };
}

/** Hands a report out. Printed first, so that it is in the log whatever becomes of the other places. */
export async function deliver(delivery: Delivery, { file, env, cluster }: Places): Promise<void> {
    console.log(delivery.screen ?? delivery.text);
    if (file) {
        await writeFile(file, delivery.text);
    }
    if (env.GITHUB_STEP_SUMMARY) {
        await appendFile(env.GITHUB_STEP_SUMMARY, delivery.text);
    }
    if (env.TF_BUILD && file) {
        // Azure Pipelines shows a Markdown file that the log names so.
        console.log(`##vso[task.uploadsummary]${file}`);
    }
    if (cluster) {
        await keep(delivery, cluster.config, cluster.pod);
    }
}

/** The ConfigMap is declared by the schedule, empty; a run may change this one and no other. */
async function keep(
    delivery: Delivery,
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
    await core.replaceNamespacedConfigMap({ name, namespace, body: configMap });
}
