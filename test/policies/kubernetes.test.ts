// Policies on the scheduled run in Kubernetes: one that passes and ones that do not, for each.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cronJob, role } from "./examples";
import { Pack, type Resource } from "./pack";

let pack: Pack;
beforeAll(async () => void (pack = await Pack.start()));
afterAll(() => pack.stop());

const container = (changes: Record<string, unknown>) => cronJob({ container: changes });
const pod = (changes: Record<string, unknown>) => cronJob({ pod: changes });
const safe = { allowPrivilegeEscalation: false };

it("an ordinary CronJob and a role that names what it allows pass", async () => {
    expect(await pack.check(cronJob())).toEqual([]);
    expect(await pack.check(role({ apiGroups: [""], resources: ["nodes"], verbs: ["get", "list"] }))).toEqual([]);
});

it.each<[policy: string, resource: Resource, says: string]>([
    ["cron-job-not-privileged", container({ securityContext: { ...safe, privileged: true } }), "not be privileged"],
    ["cron-job-not-privileged", container({ securityContext: {} }), "allowPrivilegeEscalation to false"],
    ["cron-job-not-privileged", pod({ hostPID: true }), "hostPID must be left out"],
    ["cron-job-not-privileged", pod({ volumes: [{ name: "root", hostPath: { path: "/" } }] }), 'Volume "root"'],
    ["cron-job-non-root", pod({ securityContext: {} }), 'Container "kamino" must have runAsNonRoot true'],
    ["cron-job-non-root", container({ securityContext: { ...safe, runAsNonRoot: false } }), "runAsNonRoot true"],
    ["cron-job-non-root", container({ securityContext: { ...safe, runAsUser: 0 } }), "runAsUser 0"],
    ["cron-job-limits", container({ resources: { limits: { cpu: "1" } } }), "limits for memory"],
    ["cron-job-limits", container({ resources: undefined }), "limits for cpu, memory"],
    ["role-no-wildcards", role({ apiGroups: [""], resources: ["*"], verbs: ["get"] }), "rules[0].resources"],
    ["role-no-wildcards", role({ apiGroups: [""], resources: ["pods/*"], verbs: ["get"] }), '"pods/*"'],
    ["role-no-wildcards", role({ nonResourceURLs: ["/healthz/*"], verbs: ["get"] }), "nonResourceURLs"],
])("%s refuses a resource and says %#", async (policy, resource, says) => {
    const message = expect.stringContaining(says) as string;
    expect(await pack.check(resource)).toMatchObject([{ policy, level: "mandatory", message }]);
});

describe("the limits that each container needs", () => {
    it("are those of the option", async () => {
        await pack.configure({ "cron-job-limits": { resources: ["memory"] } });
        expect(await pack.check(container({ resources: { limits: { memory: "1Gi" } } }))).toEqual([]);
        await pack.configure({});
    });

    it("count for init containers too", async () => {
        const init = { name: "prepare", securityContext: safe };
        expect(await pack.check(pod({ initContainers: [init] }))).toMatchObject([{ policy: "cron-job-limits" }]);
    });
});
