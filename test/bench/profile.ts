// Profiles each Node process of a no-op preview into the folder PROFILE_FOLDER; `make profile` draws them.
import { join } from "node:path";
import { repository } from "../../sandbox/engine/paths";
import { startSandbox } from "../../sandbox/sandbox";
import { measureInTurns } from "./measure";
import { preview, settledStack } from "./settled";

async function main(): Promise<void> {
    const sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 6 }] });
    try {
        const plain = preview(await settledStack(sandbox), "preview");
        // The first one, which is not profiled, keeps what later ones use.
        await measureInTurns([plain], 0);
        const recorder = `--require "${join(repository, "tools/profile/record.cjs").replaceAll("\\", "/")}"`;
        await measureInTurns([{ ...plain, env: { ...plain.env, NODE_OPTIONS: recorder } }], 0);
    } finally {
        await sandbox.stop();
    }
}

main().then(
    () => process.exit(),
    (error: unknown) => {
        console.error(error);
        process.exit(1);
    },
);
