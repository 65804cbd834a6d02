// How tests run: pure rules side by side and fast; tests that start real programs two at a time, with time to do it.
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
                    testTimeout: minute / 2,
                    sequence: { groupOrder: 0 },
                },
            },
            {
                test: {
                    name: "real",
                    include: ["test/**/*.test.ts"],
                    exclude: ["test/unit/**", "**/node_modules/**"],
                    // A process for each file: it owns a sandbox, signals included.
                    pool: "forks",
                    // The engine, the API server and the programs under test share the machine's cores.
                    maxWorkers: 2,
                    testTimeout: 5 * minute,
                    hookTimeout: 5 * minute,
                    sequence: { groupOrder: 1 },
                },
            },
        ],
    },
});
