// Preloaded into every Node process of a command: profiles it, and writes the profile when it ends.
"use strict";

const fs = require("node:fs");
const { Session } = require("node:inspector");
const path = require("node:path");
const process = require("node:process");

const NAMES = {
    "program of the stack": /[\\/]cmd[\\/]run([\\/]|$)/,
    "policy pack": /run-policy-pack/,
    "dynamic resources": /pulumi-resource-pulumi-nodejs|dynamic-provider/,
    "language host (stand-in)": /language-nodejs/,
    "azure-native (stand-in)": /azure-native/,
};
const command = process.argv.slice(0, 2).join(" ");
const [name] = Object.entries(NAMES).find(([, pattern]) => pattern.test(command)) ?? ["other"];

const session = new Session();
session.connect();
session.post("Profiler.enable");
session.post("Profiler.setSamplingInterval", { interval: 500 });
session.post("Profiler.start");
// The engine ends plugins by this signal, and by default without `exit`.
process.once("SIGINT", () => process.exit(0));
process.once("exit", () =>
    session.post("Profiler.stop", (_error, result) => {
        const file = `${name}.${process.pid}.cpuprofile`;
        const { user, system } = process.cpuUsage();
        const recorded = { ...result.profile, cpuMicroseconds: user + system };
        fs.writeFileSync(path.join(process.env.PROFILE_FOLDER, file), JSON.stringify(recorded));
    }),
);
