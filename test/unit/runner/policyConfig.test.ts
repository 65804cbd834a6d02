// Settings of the policy pack that the engine would pass over in silence are refused before anything runs.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { checkPolicyConfig, refusalOf } from "../../../runner/policyConfig";

const directory = mkdtempSync(join(tmpdir(), "kamino-test-"));
afterAll(() => rmSync(directory, { recursive: true }));

const known = { "scale-set-retained": [], "new-nodes-allowed": ["maxNewNodes"] };

describe("settings of the policy pack", () => {
    it.each([
        [
            { "scale-set-retain": "advisory" },
            'the pack has no policy "scale-set-retain"; did you mean scale-set-retained?',
        ],
        [
            { "image-kept": "disabled" },
            'the pack has no policy "image-kept"; the keys are new-nodes-allowed, scale-set-retained',
        ],
        [
            { "new-nodes-allowed": { maxNodes: 1 } },
            'policy new-nodes-allowed has no option "maxNodes"; the keys are enforcementLevel, maxNewNodes',
        ],
        [
            { "scale-set-retained": { enforcementlevel: "advisory" } },
            'policy scale-set-retained has no option "enforcementlevel"; did you mean enforcementLevel?',
        ],
        [{ constructor: "advisory" }, 'the pack has no policy "constructor"; the keys are'],
    ])("are refused where they name what the pack does not have: %j", (settings, line) => {
        expect(refusalOf(JSON.stringify(settings), known)).toContain(line);
    });

    it.each(["", "[]", "null", "7", '{ "scale-set-retained": '])("are refused where they are no object: %j", (text) => {
        expect(refusalOf(text, known)).toBe("it must be a JSON object, by policy");
    });

    it("may name each policy and option of the pack, and all", () => {
        const settings = {
            all: "advisory",
            "scale-set-retained": { enforcementLevel: "disabled" },
            "new-nodes-allowed": { enforcementLevel: "mandatory", maxNewNodes: 1 },
        };
        expect(refusalOf(JSON.stringify(settings), known)).toBeUndefined();
    });
});

test("a file is checked against the pack itself", async () => {
    const file = join(directory, "policies.json");
    writeFileSync(file, JSON.stringify({ "update-bumps-few-pools": { maximum: 1 }, "scale-set-kept": "advisory" }));
    await expect(checkPolicyConfig(file)).rejects.toThrow(
        `--policy-config ${file}: the pack has no policy "scale-set-kept"; the keys are bump-changes-image-only, `,
    );
    writeFileSync(
        file,
        JSON.stringify({
            "update-bumps-few-pools": { maximum: 1 },
            "scale-set-extensions": { allowed: ["a/*"] },
            "only-known-types": { allowed: ["random:*"] },
            "image-version-replicas": { minimum: 3, onlyOfKamino: true },
        }),
    );
    await expect(checkPolicyConfig(file)).resolves.toBeUndefined();
    await expect(checkPolicyConfig(join(directory, "none.json"))).rejects.toThrow(/^--policy-config: there is no file/);
    await expect(checkPolicyConfig(undefined)).resolves.toBeUndefined();
});
