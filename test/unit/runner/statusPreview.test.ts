// `npm run status` says what a preview would: what a canary has proven, and what the management cluster says of a pool.
import { expect, test } from "vitest";
import type { PoolFacts } from "../../../runner/status/read";
import { withCanaries } from "../../../runner/status/canary";
import { statusOf } from "../../../runner/status/show";
import { NOW, ago, definitionOf, poolFacts, settingsOf } from "./statusExamples";

const CANARY = "k8s-first-vmss";
const POOL = "k8s-p-1-vmss";

/** A pool of which node k8s-p-1-vmss000001, rebooted on the 23rd, is to be taken, and that waits for its canary. */
function waiting(): PoolFacts {
    const settings = settingsOf(POOL);
    const selection = { ...settings.selection, canary: CANARY };
    return { ...poolFacts({ name: POOL, nodes: 3, versions: [60] }), settings: { ...settings, selection } };
}
const alone = (): PoolFacts => ({ ...waiting(), settings: settingsOf(POOL) });
/** Its canary, with a machine made from a version that has been Ready for so many minutes. */
const canary = (version: string, readyFor: number): PoolFacts => ({
    ...poolFacts({ name: CANARY, nodes: 0, versions: [] }),
    machines: new Map([
        [
            `${definitionOf(CANARY)}/versions/${version}`.toLowerCase(),
            [{ name: "n", running: true, ready: true, wasReady: false, readySince: ago(readyFor) }],
        ],
    ]),
});

function nextOf(...pools: PoolFacts[]) {
    const [facts] = withCanaries(pools, NOW);
    return statusOf(facts, NOW, facts.settings!.selection).next;
}

test("a node that waits for what a canary has to prove is not to be taken, and the line says what is missing", () => {
    const early = nextOf(waiting(), canary("2026.1123.0300", 10));
    expect(early.takes).toBeUndefined();
    expect(early.why).toContain(
        `node k8s-p-1-vmss000001 fits, but waits for pool ${CANARY}, none of whose new nodes has proven an image of 2026-11-23 or later yet`,
    );
    expect(nextOf(waiting(), canary("2026.1122.0300", 600)).why).toContain("(the newest is 2026.1122.0300)");
});

test("once new nodes of the canary have proven an image of that day it is taken", () => {
    const { takes, steps } = nextOf(waiting(), canary("2026.1123.0300", 600));
    expect(takes).toMatchObject({ node: "k8s-p-1-vmss000001", version: "2026.1123.2013" });
    expect(steps[0]).toMatch(/the node goes on$/);
});

test("of a canary that the stack does not have yet it says that it has to prove the image first", () => {
    expect(nextOf(waiting()).steps[0]).toContain(`once new nodes of pool ${CANARY} have proven an image of that day`);
});

test("a pool that Cluster API would replace machines of is refused, as a preview would refuse it", () => {
    const refusal = "kamino:pools: MachinePool default/mp1 is refused: CAPZ would replace its machines";
    const facts = { ...waiting(), capi: { refusal } };
    const { next, attention, nodes } = statusOf(facts, NOW, facts.settings!.selection);
    expect(next).toEqual({ steps: [], stops: refusal });
    expect(attention).toEqual([`an up stops: ${refusal}`]);
    expect(nodes).toHaveLength(3);
});

test("a pool of Cluster API that is not at rest gets its image once it is", () => {
    const capi = { waitsFor: "4 machines are wanted, Cluster API sees 3 and Azure has 3" };
    const { steps } = nextOf({ ...alone(), capi });
    expect(steps.at(-1)).toBe(`point the model at image 2026.1123.2013, once the pool is at rest (${capi.waitsFor})`);
});

test("no node has another kubelet than its pool of Cluster API is to have", () => {
    const facts = { ...alone(), capi: { kubelet: "v1.34.2" } };
    expect(nextOf(facts).takes).toBeUndefined();
    expect(nextOf({ ...facts, capi: { kubelet: "v1.27.4" } }).takes).toMatchObject({ node: "k8s-p-1-vmss000001" });
});

test("a pool whose machines use nearly as many images as Azure allows models is marked, and at nine takes no new one", () => {
    const used = (count: number) => Array.from({ length: count }, (_, index) => ({ machines: [`m${index}`] }));
    const at = (images: number) =>
        statusOf({ ...alone(), imagesInUse: used(images) }, NOW, alone().settings!.selection);
    expect(at(6).attention).toEqual([]);
    expect(at(7).attention).toEqual([expect.stringMatching(/^the scale set's machines use 7 images, .* \(m0\)/)]);
    expect(at(7).next.takes).toMatchObject({ node: "k8s-p-1-vmss000001" });
    expect(at(9).next.takes).toBeUndefined();
    expect(at(9).next.why).toContain("fits, but the scale set's machines use 9 images");
});
