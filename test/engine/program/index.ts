// The tests' program: one dynamic resource made from the configuration, a stack reference and a resource hook.
import * as fs from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { Note } from "./note";

const config = new pulumi.Config();
const reference = config.get("reference");

const hook = new pulumi.ResourceHook("remember", (args) => {
    fs.appendFileSync(config.require("journal"), `afterCreate ${args.name} ${args.newOutputs?.text}\n`);
});

const note = new Note("note", { text: config.require("text") }, { hooks: { afterCreate: [hook] } });

export const text = note.text;
export const nodeOptions = process.execArgv.join(" ");
export const referred = reference ? new pulumi.StackReference(reference).getOutput("text") : undefined;
