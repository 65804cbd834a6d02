// The workflows call what is there, with pinned actions and no more rights than they need. actionlint checks their
// syntax.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { RESTORE_LIMIT } from "../../../components/capture/steps";
import { readOptions } from "../../../runner/options";
import { wantsTraces } from "../../../runner/traces/configured";
import { scripts } from "../../../package.json";

const root = join(__dirname, "..", "..", "..");
const directory = join(root, ".github", "workflows");
const texts = new Map(
    readdirSync(directory)
        .map((name) => [name, readFileSync(join(directory, name), "utf8")] as const)
        .concat([["azure-pipelines.yml", readFileSync(join(root, "deploy", "azure-pipelines.yml"), "utf8")]]),
);
const gitHub = [...texts].filter(([name]) => name !== "azure-pipelines.yml");
const all = [...texts.values()].join("\n");
const dockerfile = readFileSync(join(root, "deploy", "Dockerfile"), "utf8");

test("every npm script that they call is there, and every flag and variable is one that it reads", () => {
    const called = new Set([...all.matchAll(/npm run (?:--silent )?([\w-]+)/g)].map(([, script]) => script));
    expect([...called].sort()).toEqual(["github", "preview", "status", "up"]);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining([...called]));
    const names = ["STACK", "REPORT", "PACKAGES", "SAVE_PLAN", "PLAN", "POLICY_CONFIG", "METRICS_PUSH"];
    const variables = names.map((name) => `KAMINO_${name}`);
    const used = [...all.matchAll(/^ *(KAMINO_\w+):/gm)].map(([, name]) => name);
    expect(variables).toEqual(expect.arrayContaining(used));
    expect(used).toEqual(expect.arrayContaining(["KAMINO_STACK", "KAMINO_REPORT", "KAMINO_SAVE_PLAN", "KAMINO_PLAN"]));
    const push = "http://pushgateway:9091";
    const env = { ...Object.fromEntries(variables.map((name) => [name, name])), KAMINO_METRICS_PUSH: push };
    expect(readOptions(["preview"], { ...env, KAMINO_PLAN: "" })).toMatchObject({
        ...{ stack: "KAMINO_STACK", report: "KAMINO_REPORT", savePlan: "KAMINO_SAVE_PLAN" },
        ...{ policyConfig: "KAMINO_POLICY_CONFIG", metricsPush: push },
    });
    expect(readOptions(["up"], { ...env, KAMINO_SAVE_PLAN: "" })).toMatchObject({ plan: "KAMINO_PLAN" });
    for (const [, mode, flags] of all.matchAll(/npm run --silent (preview|up) -- (.*)$/gm)) {
        const args = flags
            .replace('${UPKEEP:+"$UPKEEP"}', "--upkeep")
            .split(" ")
            .map((flag) => (flag.startsWith("--") ? flag : "value"));
        expect(() => readOptions([mode, ...args.filter((each, at) => each !== args[at - 1])], {})).not.toThrow();
    }
});

test("the engine that they install is the one of @pulumi/pulumi, and of the image", () => {
    const { version } = parse(readFileSync(join(root, "node_modules/@pulumi/pulumi/package.json"), "utf8")) as {
        version: string;
    };
    const installed = [...all.matchAll(/(?:pulumi-version: |--version )(\d+\.\d+\.\d+)/g)].map(([, each]) => each);
    const image = /^ARG BASE=pulumi\/pulumi-nodejs-22:(.*)$/m.exec(dockerfile)?.[1];
    expect(new Set([...installed, image])).toEqual(new Set([version]));
});

test("what the image copies is there, is in the build's context, and is all that is in it", () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, names]) => names.split(" "));
    const ignore = readFileSync(join(root, ".dockerignore"), "utf8");
    const kept = [...ignore.matchAll(/^!(.*)$/gm)].map(([, name]) => name);
    expect(copied.sort()).toEqual(kept.sort());
    expect(copied.filter((name) => !existsSync(join(root, name)))).toEqual([]);
    expect(texts.get("image.yml")).toMatch(/^ +context: \.\n +file: deploy\/Dockerfile$/m);
});

test("every action is pinned to one commit, with its version beside it", () => {
    const used = [...all.matchAll(/uses: (.*)$/gm)]
        .map(([, action]) => action)
        .filter((each) => !each.startsWith("./"));
    const pins = new Map<string, Set<string>>();
    for (const each of used) {
        const [, action, pin] = /^([\w./-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$/.exec(each) ?? [];
        expect(pin, each).toBeDefined();
        pins.set(action, (pins.get(action) ?? new Set()).add(pin));
    }
    expect([...pins].filter(([, of]) => of.size > 1)).toEqual([]);
});

/** A step of Azure Pipelines. */
interface Step {
    displayName?: string;
    condition?: string;
    continueOnError?: boolean;
    publish?: string;
    artifact?: string;
    bash?: string;
    target?: { container?: string; commands?: string; settableVariables?: string | string[] };
    env?: Record<string, string>;
    inputs?: { azureSubscription?: string; inlineScript?: string };
}
const pipeline = texts.get("azure-pipelines.yml") ?? "";
/** The steps of its three jobs: the upkeep's, the preview's, the up's. */
const jobs = [...pipeline.matchAll(/^( +)steps:\n((?:\1 .*\n|\n)+)/gm)].map(([, , steps]) => parse(steps) as Step[]);

test("a preview, which runs a pull request's code, has no group, no service connection and no environment of an up", () => {
    const stages = pipeline.slice(pipeline.indexOf("\nstages:")).split("- stage: ").slice(1);
    expect(stages.map((stage) => /^[a-z]+/.exec(stage)?.[0])).toEqual(["upkeep", "preview", "up"]);
    const used = stages.map((stage) => [...stage.matchAll(/(?:group|azureSubscription|environment): (.*)$/gm)]);
    const [upkeep, preview, up] = used.map((names) => [...new Set(names.map(([, name]) => name))].sort());
    expect(preview).toEqual(["kamino-${{ stack }}-preview"]);
    // It waits for nobody's approval, and has to be kept from a pull request by its own condition.
    expect(upkeep).toEqual(["kamino-${{ stack }}-up"]);
    expect(stages[0]).toMatch(/^ +condition: eq\(variables\.isPullRequest, 'False'\)$/m);
    expect(up).toEqual(["kamino-${{ stack }}", "kamino-${{ stack }}-up"]);
    // A pull request's preview runs although its upkeep is skipped, and a bump hangs on its preview alone.
    expect(stages[1]).toMatch(/^ +condition: not\(canceled\(\)\)$/m);
    expect(stages[2]).toMatch(
        /^ +condition: and\(not\(canceled\(\)\), in\(dependencies\.preview_.*'SucceededWithIssues'\)/m,
    );
    // GitHub's have an environment each, by the mode.
    expect(texts.get("run.yml")).toContain("environment: ${{ inputs.stack }}-${{ inputs.mode }}");
});

test("what a step prints of others' text is no command for the agent of Azure Pipelines", () => {
    const free = ["Install", "Show the report"];
    for (const steps of jobs) {
        for (const step of steps.filter(({ bash, inputs }) => bash ?? inputs?.inlineScript)) {
            const { displayName = "", bash, target, inputs } = step;
            const script = bash ?? inputs?.inlineScript ?? "";
            if (free.includes(displayName)) {
                expect(script).not.toMatch(/npm run|curl .*_apis|\baz /);
            } else {
                const settable = displayName === "Preview" ? ["changes", "plan"] : "none";
                expect(target, displayName).toEqual({
                    ...{ container: "host", commands: "restricted", settableVariables: settable },
                });
                // Of the commands of a restricted step these are all that are used.
                const given = [...script.matchAll(/##vso\[(\S+ ?[\w=]*)/g)].map(([, command]) => command);
                const names = settable === "none" ? [] : settable;
                expect(given).toEqual(names.map((name) => `task.setvariable variable=${name}`));
            }
        }
        const shows = steps.find(({ displayName }) => displayName === "Show the report")?.bash ?? "";
        const inFolder = (report: string) =>
            spawnSync("bash", ["-c", shows], { env: { REPORT: report }, encoding: "utf8" });
        expect(inFolder(__filename)).toMatchObject({ status: 0, stdout: `##vso[task.uploadsummary]${__filename}\n` });
        expect(inFolder(`${__filename}.none`)).toMatchObject({ status: 0, stdout: "" });
    }
});

test("a run in either service keeps the status page, also after a failure, and an up the packages of its images", () => {
    expect(jobs.map((steps) => steps.some(({ displayName }) => displayName === "Up"))).toEqual([
        ...[false, false, true],
    ]);
    for (const steps of jobs.slice(1)) {
        const [status, kept] = steps.slice(-2);
        expect([status.condition, kept.condition]).toEqual(["succeededOrFailed()", "succeededOrFailed()"]);
        expect(status.inputs?.inlineScript).toContain('--html "$(results)/status.html" || [ $? -eq 2 ]');
        // A page that is not made is seen, and decides nothing.
        expect(status.continueOnError).toBe(true);
        expect(kept.publish).toBe("$(results)");
    }
    expect(pipeline).toContain('--packages "$(results)/packages"');
    expect(pipeline.match(/mkdir -p "\$AGENT_TEMPDIRECTORY\/results"/g)).toHaveLength(3);
    const run = texts.get("run.yml") ?? "";
    expect(run).toMatch(/KAMINO_PACKAGES: \$\{\{ runner\.temp \}\}\/packages/);
    expect(run).toMatch(/path: \$\{\{ runner\.temp \}\}\/packages/);
    expect(run).toMatch(/path: \$\{\{ runner\.temp \}\}\/status\.html/);
    expect(run).toMatch(/name: Status\n.*\n.*\n +continue-on-error: true\n/);
});

test("a job that is run again keeps its artifacts anew, and an up gets the plan of the preview's last attempt", () => {
    const kept = (texts.get("run.yml") ?? "").split("uses: actions/upload-artifact@").slice(1);
    expect(kept).toHaveLength(3);
    kept.forEach((after) => expect(after.split("- name:")[0]).toMatch(/^ +overwrite: true$/m));
    const published = jobs.flat().flatMap((step) => (step.publish ? [step.artifact] : []));
    expect(published).toEqual([
        "$(preview.plan)",
        "results-${{ stack }}-preview-$(System.JobAttempt)",
        "results-${{ stack }}-up-$(System.JobAttempt)",
    ]);
    expect(pipeline).toContain('variable=plan;isOutput=true]plan-${{ stack }}-$(System.JobAttempt)"');
    expect(pipeline).toMatch(
        /name: plan\n +value: \$\[ stageDependencies\.preview_\S+ \S+ \S+ '_'\) }}\.preview\.outputs/,
    );
    expect(pipeline).toMatch(/--plan "\$\(Pipeline\.Workspace\)\/\$\(plan\)\/plan\.json"/);
});

/** The step of run.yml that bumps. */
function upStep(): { if: string; env: Record<string, string>; run: string } {
    const { jobs: of } = parse(texts.get("run.yml") ?? "") as {
        jobs: { run: { steps: (ReturnType<typeof upStep> & { name?: string })[] } };
    };
    return of.run.steps.find(({ name }) => name === "Up")!;
}

test("an up that has no reviewed plan, and may do nothing without one, still does what needs no review", () => {
    const { if: when, env, run } = upStep();
    expect(when).toBe("inputs.mode == 'up'");
    expect(env.UPKEEP).toBe("${{ steps.reviewed.outputs.run == '' && inputs.require-review && '--upkeep' || '' }}");
    const ran = (UPKEEP: string) =>
        spawnSync("bash", ["-c", `npm() { printf '<%s>' "$@"; }\n${run}`], { env: { UPKEEP }, encoding: "utf8" })
            .stdout;
    expect(ran("--upkeep")).toBe("<run><--silent><up><--><--upkeep>");
    expect(ran("")).toBe("<run><--silent><up><-->");
});

test("a run is seen from outside in either service, as a variable or a secret says, and a pull request's preview is not", () => {
    const names = ["KAMINO_METRICS_PUSH", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"];
    const { jobs: found } = parse(texts.get("run.yml") ?? "") as { jobs: { run: { env: Record<string, string> } } };
    for (const name of names) {
        expect(found.run.env[name]).toMatch(/^\$\{\{ github\.event_name != 'pull_request' && .* \|\| '' \}\}$/);
        // A variable that no group has would be its own name in brackets.
        expect(pipeline).toContain(`    - name: ${name}\n      value: ""\n`);
    }
    const steps = jobs.flat().filter(({ displayName = "" }) => ["Upkeep", "Preview", "Up"].includes(displayName));
    expect(steps).toHaveLength(3);
    steps.forEach(({ env }) =>
        expect(env).toMatchObject(Object.fromEntries(names.map((name) => [name, `$(${name})`]))),
    );
    const preview = steps.find(({ displayName }) => displayName === "Preview");
    expect(preview?.inputs?.inlineScript).toContain('[ "$BUILD_REASON" != PullRequest ] || unset KAMINO_METRICS_PUSH');
    // Settings that are left empty turn nothing on.
    const empty = Object.fromEntries(names.map((name) => [name, ""]));
    expect(readOptions(["up"], empty)?.metricsPush).toBeUndefined();
    expect(wantsTraces(empty)).toBe(false);
});

test("an upkeep of Azure Pipelines has the time to restore two nodes, each as slow as can be", () => {
    const minutes = Number(/- job: upkeep\n(?: *#.*\n)* *timeoutInMinutes: (\d+)/.exec(pipeline)?.[1]);
    expect(minutes).toBeGreaterThan((2 * RESTORE_LIMIT) / 60_000);
});

test("every script in them is well-formed", () => {
    const scriptsIn = (value: unknown): string[] => {
        if (typeof value !== "object" || value === null) {
            return [];
        }
        const own = ["run", "bash", "inlineScript"].map((key) => (value as Record<string, unknown>)[key]);
        return [...own.filter((each) => typeof each === "string"), ...Object.values(value).flatMap(scriptsIn)];
    };
    const found = [...texts.values()].flatMap((text) => scriptsIn(parse(text, { merge: true })));
    expect(found.length).toBeGreaterThan(10);
    for (const script of found) {
        const { stderr } = spawnSync("bash", ["-n"], {
            input: script.replace(/\$\{\{.*?\}\}/g, "x"),
            encoding: "utf8",
        });
        expect(stderr, script).toBe("");
    }
});

test("a wave of a fleet waits for the reviews of the one before, which GitHub tells of any stack of it", () => {
    const run = parse(texts.get("run.yml") ?? "") as {
        on: { workflow_call: { outputs: Record<string, { value: string }> } };
        jobs: { run: { outputs: Record<string, string>; steps: { id?: string; if?: string; run?: string }[] } };
    };
    expect(run.on.workflow_call.outputs["not-reviewed"].value).toBe("${{ jobs.run.outputs.not-reviewed }}");
    const [condition, , otherwise] = run.jobs.run.outputs["not-reviewed"]
        .slice(3, -2)
        .split(/ && (inputs\.stack) \|\| /);
    expect(condition.trim().split(" && ")).toEqual([
        "inputs.require-review",
        "steps.reviewed.outputs.pending == 'true'",
        "steps.reviewed.outputs.run == ''",
    ]);
    // A matrix gives the value of the last job that sets one: empty text sets none.
    expect(otherwise.trim()).toBe("''");
    const asked = run.jobs.run.steps.find(({ id }) => id === "reviewed");
    expect(asked).toMatchObject({
        if: "inputs.mode == 'up'",
        run: expect.stringContaining("github -- reviewed") as string,
    });
    const { jobs: waves } = parse(texts.get("fleet.yml") ?? "", { merge: true }) as {
        jobs: Record<string, { needs?: string; if?: string }>;
    };
    const gates = Object.values(waves).filter(({ needs }) => needs !== undefined);
    expect(gates.map(({ needs }) => needs)).toEqual(["canary", "early"]);
    for (const { needs, if: gate } of gates) {
        expect(gate).toBe(`needs.${needs}.outputs.not-reviewed == ''`);
    }
});

describe.each(gitHub)("%s", (name, text) => {
    const workflow = parse(text, { merge: true }) as {
        permissions?: Record<string, string>;
        jobs: Record<string, { uses?: string; permissions?: Record<string, string>; steps?: { uses?: string }[] }>;
    };

    test("nobody has a right that is not said", () => {
        const jobs = Object.values(workflow.jobs);
        // A called workflow has what its caller gives it.
        const said = name === "run.yml" || workflow.permissions !== undefined;
        expect(said || jobs.every(({ permissions }) => permissions !== undefined)).toBe(true);
        const granted = [workflow.permissions, ...jobs.map(({ permissions }) => permissions)];
        expect(granted.flatMap((each) => Object.keys(each ?? {}))).not.toContain("write-all");
        expect(granted.map((each) => each?.contents).filter(Boolean)).not.toContain("write");
    });

    test("a checkout keeps no token", () => {
        const checkouts = text.split("uses: actions/checkout@").slice(1);
        checkouts.forEach((after) => expect(after).toMatch(/^.*\n +with:\n +persist-credentials: false/));
    });
});
