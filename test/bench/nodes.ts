// Reads or chooses among many nodes, as a separate process: `nodes.ts list|whole|client FILE` with a kubeconfig, or
// `nodes.ts rules COUNT`. Prints one line of JSON.
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { REBOOT_NEEDED } from "../../components/node/kured";
import { kubernetes } from "../../components/node/kubernetes";
import { listNodes, listWholeNodes, type ListedNode } from "../../components/node/nodeList";
import { filterCandidates, best, type Facts } from "../../components/selection/rules";

const SCALE_SET =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/k8s-pool1-12345678-vmss";

const facts = (now: Date): Facts => ({
    ...{ scaleSetId: SCALE_SET, now, newest: "2026.1101.0000", built: [], pending: [], kubeletVersion: "v1.27.4" },
    rules: {
        ...{ minimumReadyTimeMs: 0, newNodeTimeoutMs: 900_000, minimumCandidates: 1, prefer: "newest" },
        ...{ ignoreNodes: [], ignoreAnnotations: [] },
    },
});

function madeUp(count: number): ListedNode[] {
    return Array.from({ length: count }, (_, index) => ({
        ...{ name: `n${index}`, labels: {}, cordoned: false, ready: true, deleting: false, kubeletVersion: "v1.27.4" },
        annotations: { [REBOOT_NEEDED]: `2026-11-2${index % 5}T04:12:09Z` },
    }));
}

async function main([what, argument]: string[]): Promise<void> {
    const config = new KubeConfig();
    if (what !== "rules") {
        config.loadFromFile(argument);
    }
    const nodes = what === "rules" ? madeUp(Number(argument)) : [];
    const [begun, cpu] = [Date.now(), process.cpuUsage()];
    let count: number;
    if (what === "list") {
        const read = await listNodes(await kubernetes({ kubeconfig: argument }));
        count = read.nodes.length;
        best(filterCandidates(read.nodes, facts(read.now)).candidates, facts(read.now));
    } else if (what === "whole") {
        count = (await listWholeNodes(await kubernetes({ kubeconfig: argument }))).length;
    } else if (what === "client") {
        count = (await config.makeApiClient(CoreV1Api).listNode()).items.length;
    } else {
        count = nodes.length;
        best(filterCandidates(nodes, facts(new Date("2026-11-26T00:00:00Z"))).candidates, facts(new Date()));
    }
    const used = process.cpuUsage(cpu);
    const megabytes = process.resourceUsage().maxRSS / 1024;
    console.log(
        JSON.stringify({ count, wall: (Date.now() - begun) / 1000, cpu: (used.user + used.system) / 1e6, megabytes }),
    );
}

main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
});
