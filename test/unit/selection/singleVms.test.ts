// Nodes that are single VMs of a Flexible scale set: by which way their disks are taken.
import { expect, test } from "vitest";
import { flexiblePoolId } from "../../../components/core/machinesId";
import { decide } from "../../../components/selection/decide";
import { logLine } from "../../../components/selection/explain";
import { IMAGE, SCALE_SET, choice, image, node, question } from "./facts";

test("no node is taken where its disk would be cleaned in place, and says what they are", () => {
    const asked = question({ history: [choice(IMAGE)], gallery: [image(IMAGE)] });
    asked.facts.scaleSetId = flexiblePoolId(SCALE_SET);
    const fits = node("n");
    fits.details!.providerID =
        "azure://" + SCALE_SET.replace(/virtualMachineScaleSets.*/, "virtualMachines/x_0a1b2c3d");
    const decision = decide([fits], asked);
    expect(decision.chosen).toBeUndefined();
    expect(logLine("pool1", decision, asked.facts, IMAGE)).toContain(
        "node n fits, but single VMs cannot be cleaned in place",
    );
    const copied = decide([fits], { ...asked, way: { mode: "copy", why: "" } });
    expect(copied.chosen?.choice.instanceId).toBe("x_0a1b2c3d");
});
