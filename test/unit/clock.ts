// A clock that a test turns, for code that waits by `node:timers/promises`, which vitest's timers do not stand for.
import { syncBuiltinESMExports } from "node:module";
import { mock } from "node:test";
import { afterEach, beforeEach } from "vitest";

/** Stops the clock for each test of this block; `mock.timers.tick` turns it. @param now what it says at first */
export function stopClock(now?: Date): void {
    beforeEach(() => {
        mock.timers.enable({ apis: ["setTimeout", "Date"], now });
        syncBuiltinESMExports();
    });
    afterEach(() => {
        mock.timers.reset();
        syncBuiltinESMExports();
    });
}
