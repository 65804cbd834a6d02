// How tests run: pure rules side by side and fast; tests that start real programs a few at a time, with time to do it.
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const minute = 60_000;

export default defineConfig({
    test: {
        teardownTimeout: minute,
        projects: [
            {
                test: {
                    name: "unit",
                    include: ["test/unit/**/*.test.ts", "policies/**/*.test.ts"],
                    exclude: ["**/node_modules/**"],
                    // Seconds on an idle machine; a busy one takes many times that.
                    testTimeout: 2 * minute,
                    // A worker's files share what they import: the SDKs take seconds to load.
                    isolate: false,
                    // By default one core is left free, of two that is half.
                    maxWorkers: availableParallelism(),
                    sequence: { groupOrder: 0 },
                },
            },
            {
                test: {
                    name: "real",
                    include: ["test/**/*.test.ts"],
                    // These have their own configuration: make test-az, test-capi, test-vm.
                    exclude: ["test/unit/**", "test/az/**", "test/capi/**", "test/vm/**", "**/node_modules/**"],
                    // A process for each file: it owns a sandbox, signals included.
                    pool: "forks",
                    // Half of the time they wait, for controllers and services that are away. Each has about 1 GB.
                    maxWorkers: Math.min(8, 2 * availableParallelism()),
                    // Far more than they need: on a machine that is busy otherwise they take ten times as long.
                    testTimeout: 10 * minute,
                    hookTimeout: 10 * minute,
                    sequence: { groupOrder: 1 },
                },
            },
        ],
    },
});
