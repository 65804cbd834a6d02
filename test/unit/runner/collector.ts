// A small OpenTelemetry collector: takes OTLP over HTTP in JSON, and keeps what it was sent.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as it was sent. Times are in milliseconds since 1970. */
export interface SentSpan {
    id: string;
    trace: string;
    parent?: string;
    name: string;
    startedAt: number;
    endedAt: number;
    attributes: Record<string, unknown>;
}

/** One request with its spans. */
export interface SentTraces {
    path?: string;
    authorization?: string;
    resource: Record<string, unknown>;
    spans: SentSpan[];
}

/** A collector that runs. */
export interface Collector {
    readonly url: string;
    readonly requests: SentTraces[];
    /** The same as they were sent. */
    readonly bodies: string[];
    /** The status that it answers with; 200 at first. */
    answer: number;
    close(): void;
}

/** Starts one on this machine. */
export async function startCollector(): Promise<Collector> {
    const requests: SentTraces[] = [];
    const bodies: string[] = [];
    const server = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
            const { url: path, headers } = request;
            const body = Buffer.concat(chunks).toString();
            bodies.push(body);
            requests.push({ path, authorization: headers.authorization, ...read(JSON.parse(body) as Sent) });
            response.writeHead(collector.answer, { "content-type": "application/json" }).end("{}");
        });
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    const collector: Collector = {
        ...{ url: `http://127.0.0.1:${port}`, requests, bodies, answer: 200 },
        close: () => void server.close(),
    };
    return collector;
}

interface Attribute {
    key: string;
    value: Record<string, unknown>;
}

/** https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding, as far as it is used here. */
interface Sent {
    resourceSpans: {
        resource: { attributes: Attribute[] };
        scopeSpans: {
            spans: {
                traceId: string;
                spanId: string;
                parentSpanId?: string;
                name: string;
                startTimeUnixNano: string;
                endTimeUnixNano: string;
                attributes: Attribute[];
            }[];
        }[];
    }[];
}

function read({ resourceSpans: [{ resource, scopeSpans }] }: Sent): Pick<SentTraces, "resource" | "spans"> {
    const spans = scopeSpans.flatMap((scope) => scope.spans);
    return {
        resource: valuesOf(resource.attributes),
        spans: spans.map(({ spanId, traceId, parentSpanId, name, startTimeUnixNano, endTimeUnixNano, attributes }) => ({
            ...{ id: spanId, trace: traceId, parent: parentSpanId, name },
            startedAt: Number(startTimeUnixNano) / 1e6,
            endedAt: Number(endTimeUnixNano) / 1e6,
            attributes: valuesOf(attributes),
        })),
    };
}

function valuesOf(attributes: Attribute[]): Record<string, unknown> {
    return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
