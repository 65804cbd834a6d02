// How the tests with Cluster API's managers run: a few files at a time, each with its own managers.
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const minute = 60_000;

export default defineConfig({
    test: {
        include: ["test/capi/**/*.test.ts"],
        pool: "forks",
        // They wait for controllers most of the time; a file with all that it starts has about 2 GB.
        maxWorkers: Math.min(4, availableParallelism()),
        testTimeout: 10 * minute,
        hookTimeout: 10 * minute,
    },
});
