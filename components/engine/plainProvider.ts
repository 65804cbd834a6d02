// What the engine calls for a dynamic resource, where nothing is to be done. A provider exports those of the functions
// that are enough for it.
import type { dynamic } from "@pulumi/pulumi";

/** Nothing of the stack's configuration is needed: the inputs say it all. */
export async function configure(): Promise<void> {
    return Promise.resolve();
}

/** The inputs as they are: the program has read and checked the pool already. */
export async function check<S>(_olds: S, news: S): Promise<dynamic.CheckResult<S>> {
    return Promise.resolve({ inputs: news });
}

/** The state as it is: what others have changed the program says itself. */
export async function read<S>(id: string, props?: S): Promise<dynamic.ReadResult<S>> {
    return Promise.resolve({ id, props });
}

/** What leaves the stack stays as it is. */
export async function forget(): Promise<void> {
    return Promise.resolve();
}
