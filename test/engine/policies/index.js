// The tests' policy pack: a note must not say "forbidden".
const { PolicyPack } = require("@pulumi/policy");

new PolicyPack("tiny-policies", {
    policies: [
        {
            name: "no-forbidden-notes",
            description: "A note must not say forbidden.",
            enforcementLevel: "mandatory",
            validateResource(args, report) {
                if (args.type === "pulumi-nodejs:dynamic/tiny:Note" && args.props.text === "forbidden") {
                    report("this note says forbidden");
                }
            },
        },
    ],
});
