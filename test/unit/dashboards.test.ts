// The Grafana dashboard, the alert rules and the page of metrics, held against the metrics that the code has.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parser } from "@prometheus-io/lezer-promql";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { NEEDS_PERSON, type HeldReason } from "../../components/selection/held";
import { METRICS } from "../../runner/metrics/definitions";
import { repository } from "../../sandbox/engine/paths";

const read = (...path: string[]) => readFileSync(join(repository, ...path), "utf8");

interface Panel {
    id: number;
    title: string;
    gridPos: { x: number; y: number; w: number; h: number };
    targets: { expr: string; legendFormat: string }[];
}
interface Dashboard {
    panels: Panel[];
    templating: { list: { name: string; definition?: string }[] };
}
interface Alert {
    alert: string;
    expr: string;
    for?: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
}

const heldReasons = Object.keys(NEEDS_PERSON) as HeldReason[];
const dashboard = JSON.parse(read("deploy", "grafana", "kamino.json")) as Dashboard;
const { groups } = parse(read("deploy", "prometheus", "kamino.rules.yaml")) as { groups: { rules: Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);

const labelsOf = new Map(METRICS.map(({ name, labels }) => [name, ["stack", "mode", ...labels]]));
/**
 * Those of kube-state-metrics that alerts use:
 * https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/workload/cronjob-metrics.md
 */
const CRON_JOB_METRICS = ["created", "spec_suspend", "status_last_successful_time"].map(
    (name) => `kube_cronjob_${name}`,
);
CRON_JOB_METRICS.forEach((name) => labelsOf.set(name, ["namespace", "cronjob"]));

/** What a query asks for, by Prometheus' own grammar; throws when it is not a query. */
function readQuery(query: string): { metrics: string[]; labels: string[] } {
    const found: Record<string, string[]> = { Identifier: [], LabelName: [] };
    parser.parse(query).iterate({
        enter: ({ type, from, to }) => {
            if (type.isError) {
                throw new Error(`not PromQL at ${from}: ${query}`);
            }
            found[type.name]?.push(query.slice(from, to));
        },
    });
    return { metrics: found.Identifier, labels: found.LabelName };
}

/** What a query asks for that the code does not export. */
function unknownIn(query: string): string[] {
    const { metrics, labels } = readQuery(query);
    const known = metrics.flatMap((name) => labelsOf.get(name) ?? []);
    return [...metrics.filter((name) => !labelsOf.has(name)), ...labels.filter((label) => !known.includes(label))];
}

const queries = dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat }) => [title, expr, legendFormat] as const),
);

test.each([
    ["kamino_run_succes", ["kamino_run_succes"]],
    ['kamino_run_success{pool="a"}', ["pool"]],
    ["sum by (pool) (kamino_run_success)", ["pool"]],
    ["sum by (stack) (kamino_pool_images) > 0", []],
])("what is not exported would be found in %s", (query, found) => expect(unknownIn(query)).toEqual(found));

test("what is not a query would be found", () =>
    expect(() => readQuery("sum(kamino_run_success")).toThrow("not PromQL"));

describe("the dashboard", () => {
    test.each(queries)("%s asks for what there is: %s", (_, query, legend) => {
        expect(readQuery(query).metrics).toHaveLength(1);
        expect(unknownIn(query)).toEqual([]);
        const shown = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
        const [name] = readQuery(query).metrics;
        expect(shown.filter((label) => !labelsOf.get(name)?.includes(label))).toEqual([]);
    });

    test("chooses by stack and mode, which each query goes by", () => {
        const variables = dashboard.templating.list.flatMap(({ definition = "" }) => definition || []);
        expect(variables).toEqual([
            "label_values(kamino_run_success, stack)",
            "label_values(kamino_run_success, mode)",
        ]);
        for (const [, query] of queries) {
            expect(query).toContain('{stack=~"$stack",mode=~"$mode"');
        }
    });

    test("has panels that do not cover each other, each with a title", () => {
        const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
            Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`),
        );
        expect(new Set(cells).size).toBe(cells.length);
        const titles = dashboard.panels.map(({ title }) => title);
        expect(new Set(titles).size).toBe(titles.length);
    });
});

describe("the alert", () => {
    test.each(alerts.map((rule) => [rule.alert, rule] as const))("%s asks for what there is", (name, rule) => {
        expect(name).toMatch(/^Kamino[A-Z]\w+$/);
        expect(unknownIn(rule.expr)).toEqual([]);
        const [metric] = readQuery(rule.expr).metrics;
        const shown = [
            ...Object.values(rule.annotations)
                .join()
                .matchAll(/\$labels\.(\w+)/g),
        ];
        expect(shown.map(([, label]) => label).filter((label) => !labelsOf.get(metric)?.includes(label))).toEqual([]);
        const { for: lasting, ...others } = rule;
        expect(Object.keys(others)).toEqual(["alert", "expr", "labels", "annotations"]);
        expect(lasting ?? "1d").toMatch(/^\d+d$/);
    });

    const exprOf = (name: string) => alerts.find(({ alert }) => alert === name)?.expr ?? "";
    const reasonsIn = (name: string) => /reason[!=]~"([\w|]+)"/.exec(exprOf(name))?.[1].split("|").sort();

    test("goes off at once for each reason that needs a person, and after days for all others but what is configured", () => {
        const needing = heldReasons.filter((reason) => NEEDS_PERSON[reason]);
        expect(reasonsIn("KaminoPoolNeedsPerson")).toEqual([...needing].sort());
        expect(reasonsIn("KaminoPoolHeld")).toEqual(["none", "pinned", "configured", ...needing].sort());
        expect(alerts.filter((rule) => rule.for === undefined).map(({ alert }) => alert)).toContain(
            "KaminoPoolNeedsPerson",
        );
        expect(alerts.find(({ alert }) => alert === "KaminoPoolHeld")?.for).toBe("7d");
    });

    test("goes off also where there is no series at all", () => {
        expect(exprOf("KaminoNoMetrics")).toMatch(/^absent_over_time\(kamino_run_last_success_timestamp_seconds\[/);
        expect(exprOf("KaminoCronJobNoSuccess")).toMatch(/last_successful_time\{.*\} or kube_cronjob_created\{/);
    });
});

describe("docs/metrics.md", () => {
    const page = read("docs", "metrics.md");
    const rows = page.match(/^\| `kamino_.*$/gm) ?? [];
    const cells = rows.map((row) => row.split("|").map((cell) => cell.trim().replaceAll("`", "")));

    test("lists each metric once, in the code's order, with its labels and what it means", () => {
        expect(cells.map(([, name, labels, help]) => [name, labels, help])).toEqual(
            METRICS.map(({ name, labels, help }) => [name, labels.join(", "), help]),
        );
    });

    test("names each alert", () => {
        expect(alerts.filter(({ alert }) => !page.includes(`\`${alert}\``))).toEqual([]);
    });
});
