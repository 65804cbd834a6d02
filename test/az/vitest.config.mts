// How the test with a real az runs: one command after the other, each a process of Python.
import { defineConfig } from "vitest/config";

const minute = 60_000;

export default defineConfig({
    test: {
        include: ["test/az/**/*.test.ts"],
        pool: "forks",
        testTimeout: 10 * minute,
        hookTimeout: 5 * minute,
        // Each test goes on from where the one before it ended.
        bail: 1,
    },
});
