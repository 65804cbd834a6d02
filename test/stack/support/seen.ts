// Where a run is seen from outside: a file of metrics, a Pushgateway, a collector of traces.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "vitest";
import { startCollector, type Collector, type SentSpan } from "../../unit/runner/collector";

/** Where a run is seen from outside: a file of metrics, a Pushgateway, a collector of traces. */
export class Seen {
    private constructor(
        private readonly file: string,
        private readonly collector: Collector,
        private readonly gateway: Server,
        private readonly pushed: { url?: string; body: string }[],
    ) {}

    /** Starts both servers, on this machine. */
    static async start(directory: string): Promise<Seen> {
        const pushed: { url?: string; body: string }[] = [];
        const gateway = createServer((request, response) => {
            const push = { url: request.url, body: "" };
            pushed.push(push);
            request.on("data", (chunk: Buffer) => (push.body += chunk.toString()));
            request.on("end", () => response.end());
        });
        gateway.listen(0, "127.0.0.1");
        await once(gateway, "listening");
        return new Seen(join(directory, "kamino.prom"), await startCollector(), gateway, pushed);
    }

    /** What a run takes it from. */
    get env(): NodeJS.ProcessEnv {
        return {
            KAMINO_METRICS_FILE: this.file,
            KAMINO_METRICS_PUSH: `http://127.0.0.1:${(this.gateway.address() as AddressInfo).port}`,
            OTEL_EXPORTER_OTLP_ENDPOINT: this.collector.url,
            OTEL_SERVICE_NAME: "images",
        };
    }

    /** A run took an image of this version, and was seen by all of them. Ends the servers. */
    async expectImage(version: string): Promise<void> {
        this.collector.close();
        this.gateway.close();
        const text = await readFile(this.file, "utf8");
        for (const series of [
            /^kamino_run_success\{stack="prod",mode="up"\} 1$/m,
            new RegExp(`^kamino_pool_image_info\\{pool="pool1",version="${version}",node="k8s-pool1-.*\\} 1$`, "m"),
            /^kamino_pool_captures\{pool="pool1",outcome="succeeded",.*\} 1$/m,
            /^kamino_run_resource_operations\{operation="create",outcome="succeeded",.*\} 2$/m,
        ]) {
            expect(text).toMatch(series);
        }
        expect(this.pushed.map(({ url }) => url)).toEqual(["/metrics/job/kamino/stack/prod/mode/up"]);
        expect(this.pushed[0].body).toBe(text);
        const [{ resource, spans }] = this.collector.requests;
        expect(resource["service.name"]).toBe("images");
        const pathOf = ({ name, parent }: SentSpan): string => {
            const above = spans.find(({ id }) => id === parent);
            return above ? `${pathOf(above)} / ${name}` : name;
        };
        expect(spans.map(pathOf)).toEqual(
            expect.arrayContaining([
                "kamino up / pulumi preview",
                "kamino up / pulumi up / create OsDiskCapture / cleaning the disk and powering off",
                "kamino up / pulumi up / create GalleryImageVersion",
                "kamino up / pulumi up / update VirtualMachineScaleSet",
            ]),
        );
    }
}
