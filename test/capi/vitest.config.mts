// How the tests with Cluster API's managers run: one file after the other, each with its own managers.
import { defineConfig } from "vitest/config";

const minute = 60_000;

export default defineConfig({
    test: {
        include: ["test/capi/**/*.test.ts"],
        pool: "forks",
        fileParallelism: false,
        testTimeout: 5 * minute,
        hookTimeout: 5 * minute,
    },
});
