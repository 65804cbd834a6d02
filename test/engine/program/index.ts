// The tests' program: a dynamic resource made from the configuration, a stack reference and a resource hook.
import * as fs from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { Note } from "./note";

const config = new pulumi.Config();
if (config.getBoolean("fail")) {
    throw new pulumi.RunError("the configuration says fail");
}

const remember = new pulumi.ResourceHook("remember", (args) => {
    fs.appendFileSync(config.require("journal"), `afterCreate ${args.name}\n`);
});
const note = new Note("note", { text: config.require("text") }, { hooks: { afterCreate: [remember] } });

const other = new pulumi.StackReference(config.get("reference") ?? `organization/tiny/${pulumi.getStack()}`);

export const text = note.text;
export const nodeArguments = process.execArgv;
/** What the other stack's note said in its last update; by default this stack's own. */
export const before = other.getOutput("text").apply((said) => (said as string | undefined) ?? "nothing");
