// The flags that the runner gives to pulumi by itself.
import { expect, test } from "vitest";
import { parallelFlags } from "../../../runner/pulumi";

test("an up works on more resources at once than the machine has cores for, unless the environment says how many", () => {
    expect(parallelFlags({})).toEqual(["--parallel", "64"]);
    expect(parallelFlags({ PULUMI_PARALLEL: "4" })).toEqual([]);
    expect(parallelFlags({ PULUMI_OPTION_PARALLEL: "2" })).toEqual([]);
    expect(parallelFlags({ PULUMI_PARALLEL: "" })).toEqual(["--parallel", "64"]);
});
