// Work that is waited for at most so long.
import { expect, test } from "vitest";
import { within } from "../../../components/core/retry";

const never = new Promise<never>(() => undefined);

test("what is done in time is given back, and leaves no timer behind", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
    const before = timers();
    expect(await within(60_000, Promise.resolve(7), "late")).toBe(7);
    expect(timers()).toBe(before);
});

test("what fails in time fails as it does", async () => {
    await expect(within(60_000, Promise.reject(new Error("broken")), "late")).rejects.toThrow("broken");
});

test("what takes longer is given up, in one line", async () => {
    await expect(within(10, never, "the server did not answer")).rejects.toThrow(/^the server did not answer$/);
});
