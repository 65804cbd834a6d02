// What is recorded of the model that a run declares.
import { expect, test } from "vitest";
import { recordOfDesired, type DesiredModel } from "../../../components/pool/desiredModel";
import { modelAsItIs } from "../../../components/pool/model";
import { recordOf } from "../../../policies/contract";
import { liveModel } from "./liveModel";

const model = modelAsItIs(liveModel(), "rg");
const record = recordOf(model);
const previous = { adopted: true, model: { ...record, unordered: ["vault"] } };
const recorded = (action: DesiredModel["action"], before = previous) =>
    recordOfDesired({ model, action }, before).unordered;

test("extensions that were declared to wait for none stay recorded as long as the stack keeps what it has", () => {
    expect(recorded("leave")).toEqual(["vault"]);
    expect(recorded("adopt")).toEqual(["vault"]);
    expect(recorded("leave", { adopted: true, model: record } as typeof previous)).toBeUndefined();
    expect(recordOfDesired({ model, action: "adopt" }, {})).toEqual(record);
});

test("a model that is written has those that it declares itself", () => {
    expect(recorded("write")).toBeUndefined();
});
