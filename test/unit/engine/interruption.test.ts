// Work that is told to stop: by somebody, or since the time of its run is over.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { STOP_AT, deferSignals, isAskedToStop } from "../../../components/engine/interruption";

// The process ends by the signal a second afterwards, which would be the test's.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout"] }));
afterEach(() => {
    vi.unstubAllEnvs();
    vi.clearAllTimers();
    vi.useRealTimers();
});

test.each([
    ["somebody asks for it", undefined, true],
    ["somebody asks for it in time", 60_000, true],
    ["the time of the run is over", -1, false],
])("a stop is one that was asked for where %s", async (_, left, asked) => {
    vi.stubEnv(STOP_AT, left === undefined ? undefined : String(Date.now() + left));
    const signal = await deferSignals((given) => {
        process.emit("SIGTERM", "SIGTERM");
        return Promise.resolve(given);
    });
    expect([signal.aborted, isAskedToStop(signal)]).toEqual([true, asked]);
    expect(String(signal.reason)).toContain("interrupted by SIGTERM");
});
