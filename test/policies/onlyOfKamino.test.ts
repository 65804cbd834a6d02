// The option by which policies leave alone what a program declares beside kamino's components.
import { afterEach, afterAll, beforeAll, describe, expect, it } from "vitest";
import { cronJob, definition, gallery, imageVersion, prototype, role, scaleSet, model } from "./examples";
import { Pack, UNKNOWN, type Resource } from "./pack";

let pack: Pack;
beforeAll(async () => void (pack = await Pack.start()));
afterAll(() => pack.stop());
afterEach(() => pack.configure({}));

const schedule: Resource = { type: "kamino:index:Schedule", name: "kamino", inputs: {} };
const app: Resource = { type: "my:index:App", name: "app", inputs: {} };
const others: Resource = { type: "other:index:VmssPrototype", name: "kamino:index:VmssPrototype", inputs: {} };

const foreignSource = { storageProfile: { osDiskImage: { source: { id: "/subscriptions/s/disks/other" } } } };

/** By policy: a resource that it refuses, and the component of kamino that may hold it. */
const REFUSED: [policy: string, resource: Resource, holder: Resource][] = [
    ["cron-job-not-privileged", cronJob({ pod: { hostPID: true } }), schedule],
    ["cron-job-non-root", cronJob({ pod: { securityContext: {} } }), schedule],
    ["cron-job-limits", cronJob({ container: { resources: {} } }), schedule],
    ["role-no-wildcards", role({ apiGroups: ["*"], resources: ["nodes"], verbs: ["get"] }), schedule],
    ["image-definition-generalized", definition({ osState: "Specialized" }), prototype()],
    ["image-definition-linux", definition({ osType: "Windows" }), prototype()],
    ["gallery-not-community", gallery({ sharingProfile: { permissions: "Community" } }), prototype()],
    ["image-version-from-snapshot", imageVersion(foreignSource), prototype()],
    ["image-version-replicas", imageVersion({ publishingProfile: { replicaCount: 1 } }), prototype()],
    ["image-version-from-capture", imageVersion({}, { propertyDependencies: {} }), prototype()],
];

/** Which of the policies refuse a resource, by itself and in a stack of it alone. */
async function refusals(resource: Resource): Promise<string[]> {
    const found = [...(await pack.check(resource)), ...(await pack.checkStack(resource))];
    return found.map(({ policy }) => policy);
}

describe.each(REFUSED)("%s", (policy, resource, holder) => {
    const held = { ...resource, parent: holder };
    const deeper = { ...resource, parent: { ...app, parent: holder } };

    it("judges a resource whoever holds it", async () => {
        for (const each of [resource, held, { ...resource, parent: app }]) {
            expect(await refusals(each)).toContain(policy);
        }
    });

    it("leaves alone with onlyOfKamino what no component of kamino holds", async () => {
        await pack.configure({ [policy]: { onlyOfKamino: true } });
        for (const each of [resource, { ...resource, parent: app }, { ...resource, parent: others }]) {
            expect(await refusals(each)).not.toContain(policy);
        }
        for (const each of [held, deeper]) {
            expect(await refusals(each)).toContain(policy);
        }
    });

    it("judges all of them with onlyOfKamino false", async () => {
        await pack.configure({ [policy]: { onlyOfKamino: false } });
        expect(await refusals(resource)).toContain(policy);
    });
});

describe("a gallery, which several pools share", () => {
    const shared = { sharingProfile: { permissions: "Community" } };
    const policy = "gallery-not-community";

    it.each([
        ["is kamino's by its tag", { "kamino-stack": "organization/kamino/prod" }, [policy]],
        ["is another's with other tags", { stack: "kamino-stack" }, []],
        ["is another's with a tag that is null", { "kamino-stack": null }, []],
        ["is another's without tags", null, []],
    ])("%s", async (_what, tags, expected) => {
        await pack.configure({ [policy]: { onlyOfKamino: true } });
        expect((await pack.check(gallery({ ...shared, tags }))).map((each) => each.policy)).toEqual(expected);
    });

    it("is warned of in a preview that does not know its tags", async () => {
        await pack.configure({ [policy]: { onlyOfKamino: true } });
        const [warning] = await pack.check(gallery({ ...shared, tags: UNKNOWN }));
        expect(warning).toMatchObject({ policy, level: "advisory" });
    });

    it("lends its tag to nothing else", async () => {
        await pack.configure({ "image-definition-linux": { onlyOfKamino: true } });
        const tags = { "kamino-stack": "organization/kamino/prod" };
        expect(await pack.check(definition({ osType: "Windows", tags }))).toEqual([]);
    });
});

it("no policy on scale sets has the option: each of them is judged", async () => {
    const scoped = (await pack.policies()).filter(({ options }) => options.includes("onlyOfKamino"));
    expect(scoped.map(({ name }) => name).sort()).toEqual(REFUSED.map(([policy]) => policy).sort());
    const alone = scaleSet(model({ upgradePolicy: { mode: "Automatic" } }), { parent: app });
    expect(await refusals(alone)).toEqual(expect.arrayContaining(["scale-set-manual-upgrades", "scale-set-retained"]));
});
