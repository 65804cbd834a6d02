// A dynamic resource that keeps a text and tells in a journal file what the engine asked of it.
import * as fs from "node:fs";
import * as pulumi from "@pulumi/pulumi";

interface Inputs {
    text: string;
}

/**
 * Each serialised function gets its own copy of the variables around it; only what is global is shared between them.
 */
const shared = globalThis as unknown as { config: pulumi.dynamic.Config };

function write(line: string): void {
    fs.appendFileSync(shared.config.require("journal"), `${line}\n`);
}

const provider: pulumi.dynamic.ResourceProvider<Inputs, Inputs> = {
    configure(request) {
        shared.config = request.config;
        write(`configure word=${request.config.get("word")} secret=${request.config.get("azure-native:clientSecret")}`);
        write(`in ${process.cwd()}`);
        return Promise.resolve();
    },
    check(_olds, news) {
        const failures = news.text === "refused" ? [{ property: "text", reason: "this text is refused" }] : [];
        return Promise.resolve({ inputs: news, failures });
    },
    async create(inputs) {
        write(`create begins ${inputs.text}`);
        if (inputs.text === "broken") {
            throw new Error("the note cannot be written");
        }
        process.once("SIGINT", () => {
            write("SIGINT");
            process.exit(1);
        });
        await new Promise((resolve) => setTimeout(resolve, Number(shared.config.get("delay") ?? 0)));
        write(`create ends ${inputs.text}`);
        return { id: "note", outs: inputs };
    },
    update(_id, _olds, news) {
        write(`update ${news.text}`);
        return Promise.resolve({ outs: news });
    },
    delete() {
        write("delete");
        return Promise.resolve();
    },
};

export class Note extends pulumi.dynamic.Resource {
    declare readonly text: pulumi.Output<string>;

    constructor(name: string, args: { text: pulumi.Input<string> }, options?: pulumi.CustomResourceOptions) {
        super(provider, name, args, options, "tiny", "Note");
    }
}
