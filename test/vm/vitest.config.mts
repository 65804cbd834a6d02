// How the tests with real machines run: one file after the other, each with minutes to spare, for everything in them is
// emulated.
import { defineConfig } from "vitest/config";

const minute = 60_000;

export default defineConfig({
    test: {
        include: ["test/vm/**/*.test.ts"],
        pool: "forks",
        fileParallelism: false,
        testTimeout: 30 * minute,
        hookTimeout: 30 * minute,
        // Each test goes on from where the one before it ended.
        bail: 1,
    },
});
