// What the engine calls for a resource of this room, where nothing is to be done. A provider exports the functions that
// are enough for it.
import type { dynamic } from "@pulumi/pulumi";

/** Nothing of the configuration is needed: the inputs say where the management cluster is. */
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

/** What leaves the stack stays as it is in the cluster. */
export async function forget(): Promise<void> {
    return Promise.resolve();
}
