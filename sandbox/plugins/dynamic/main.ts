// The executable `pulumi-resource-pulumi-nodejs`: the dynamic provider of the @pulumi/pulumi that the project itself
// has.
import { createRequire } from "node:module";
import * as path from "node:path";

// The engine starts this in the project's folder and holds the other end of stdin: its end means the engine is gone,
// even if it was killed. SIGTERM then gives a provider that is at work the chance to restore things.
process.stdin
    .on("end", () => process.kill(process.pid, "SIGTERM"))
    .resume()
    .unref();

createRequire(path.join(process.cwd(), "package.json"))("@pulumi/pulumi/cmd/dynamic-provider");
