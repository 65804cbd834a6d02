// History against the gallery: what was built, what is still to be made, what is never dropped.
import { describe, expect, it, test } from "vitest";
import { prune, reconcile, withAttempt } from "../../../components/selection/history";
import { choice, image } from "./facts";
import { versionIn } from "../../../components/azure/ids";

const [A, B, C, D] = ["2026.1119.0400", "2026.1120.0400", "2026.1121.0400", "2026.1122.0400"];
const names = (choices: { version: string }[]) => choices.map(({ version }) => version);

describe("history held against the gallery", () => {
    it("has the versions that are there as built, whatever Azure does with them just now", () => {
        const gallery = [image(A), image(B, { state: "Creating" }), image(C, { state: "Updating" })];
        const { built, pending, newest } = reconcile([choice(C), choice(A), choice(B)], gallery);
        expect([names(built), pending, newest]).toEqual([[A, B, C], [], C]);
    });

    it("has a version that was never made, failed or is being deleted as open", () => {
        const gallery = [image(A), image(B, { state: "Failed" }), image(C, { state: "Deleting" })];
        const { built, pending, newest } = reconcile(
            [A, B, C, D].map((each) => choice(each)),
            gallery,
        );
        expect([names(built), names(pending), newest]).toEqual([[A], [B, C, D], A]);
    });

    it("never gives up the version that the model points at, whatever Azure does with it", () => {
        for (const state of ["Failed", "Deleting"]) {
            expect(names(reconcile([choice(A)], [image(A, { state })], A).built)).toEqual([A]);
        }
    });

    it("does not have the version that the model points at as built once the gallery has lost it", () => {
        const { built, pending, missing, newest } = reconcile([choice(A), choice(B)], [image(A)], B);
        expect([names(built), pending, missing]).toEqual([[A], [], [choice(B, "node-a", { missing: true })]]);
        // What it was made of has gone: the same node gives it only after its next reboot.
        expect(newest).toBe(B);
        expect(reconcile([choice(A), ...missing], [image(A), image(B)], B).built).toEqual([choice(A), choice(B)]);
        expect(names(reconcile([choice(A), ...missing], [image(A), image(C)], C).pending)).toEqual([B]);
    });

    it("lets a version that the gallery has lost go only once the state does not protect it any more", () => {
        const lost = (retained: string) => reconcile([choice(A), choice(B)], [image(A)], A, { retained });
        expect([names(lost(B).missing), names(lost(B).pending)]).toEqual([[B], []]);
        expect([names(lost("").missing), names(lost("").pending)]).toEqual([[], [B]]);
    });

    test.each([
        ["an earlier update has finished", choice(A), [A]],
        ["has proven itself", choice(A, "node-a", { proven: true }), []],
    ])("keeps a version whose last change failed, where it is one that %s", (_what, old, made) => {
        const gallery = [image(A, { state: "Failed" }), image(B)];
        const { built, pending, changeFailed } = reconcile([old, choice(B)], gallery, B, { made });
        expect([names(built), pending, changeFailed]).toEqual([[A, B], [], [A]]);
    });

    it("counts images of others as the newest, if they are done and named by a moment", () => {
        const gallery = [image("2026.11.01"), image(D, { state: "Creating" }), image("9999.0.0"), image("1.0.0")];
        expect(reconcile([choice(A)], [image(A), ...gallery]).newest).toBe(A);
        expect(reconcile([], [image(B), ...gallery]).newest).toBe(B);
        expect(reconcile([], []).newest).toBe("");
    });

    it("takes a name of the earlier form for that day", () => {
        expect(reconcile([choice(A)], [image(A), image("2026.12.01")]).newest).toBe("2026.12.01");
    });

    it("knows its versions where Azure dropped leading zeros", () => {
        expect(names(reconcile([choice("2026.0102.0005")], [image("2026.102.5")]).built)).toEqual(["2026.0102.0005"]);
    });
});

describe("an attempt", () => {
    const again = choice(D, "n", { rebootNeededAt: "2026-11-22T04:00:30Z" });

    it("is the first for a new choice", () => {
        expect(withAttempt(choice(D), [], [image(C)]).attempt).toBe(1);
    });

    it("stays the same for a choice that was never tried in Azure", () => {
        expect(withAttempt({ ...again, rebootNeededAt: "later" }, [again], [])).toEqual(again);
    });

    test.each([
        ["one more than the one that failed", 1, 1, 2],
        ["one more than a later one that failed", 2, 2, 3],
        ["the same when it has not been tried since it was raised", 2, 1, 2],
    ])("is %s", (_, recorded, failed, next) => {
        const gallery = [image(D, { state: "Failed", attempt: failed })];
        expect(withAttempt(again, [{ ...again, attempt: recorded }], gallery).attempt).toBe(next);
    });

    it("at a failed version of somebody else's is refused, with the version's name", () => {
        expect(() => withAttempt(again, [], [image(D, { state: "Failed" })])).toThrow(
            `image version ${D} failed in Azure`,
        );
    });
});

describe("pruning", () => {
    const all = [A, B, C, D].map((each) => choice(each));

    it("keeps the newest, oldest first", () => expect(names(prune([...all].reverse(), 2, []))).toEqual([C, D]));

    it("keeps what is in use besides, however old", () => expect(names(prune(all, 2, [A, ""]))).toEqual([A, C, D]));
});

describe("the live version", () => {
    const definition = "/subscriptions/s/resourceGroups/Kube/providers/Microsoft.Compute/galleries/kamino/images/vmss";

    test.each([
        [`${definition}/versions/${A}`, A],
        [`${definition.toUpperCase()}/versions/${A}`, A],
        [`${definition}2/versions/${A}`, undefined],
        [definition, undefined],
        [undefined, undefined],
    ])("is known by the model's image reference, without case: %s", (id, version) => {
        expect(versionIn(id, definition)).toBe(version);
    });
});
