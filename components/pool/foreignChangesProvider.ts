// What the engine calls for a ForeignChanges: check counts the writes over somebody else's model, the others do
// nothing.
import type { dynamic } from "@pulumi/pulumi";
import type { ForeignChangesInputs, ForeignChangesState } from "./foreignChangesResource";

type State = ForeignChangesState;

export { configure, forget as delete, read } from "../engine/plainProvider";

/** Counts at preview already, so that the plan shows the model that will be written. */
export async function check(olds: Partial<State>, news: ForeignChangesInputs): Promise<dynamic.CheckResult<State>> {
    const { pool, onForeignChange, changes, statement, rewrite } = news;
    const writes = (olds.writes ?? 0) + (rewrite ? 1 : 0);
    return Promise.resolve({ inputs: { pool, onForeignChange, changes, ...(statement && { statement }), writes } });
}

/** A change as long as somebody else's changes are there; when they have gone that alone is none. */
export async function diff(_id: string, olds: Partial<State>, news: State): Promise<dynamic.DiffResult> {
    return Promise.resolve({ changes: Object.keys(news.changes).length > 0 || olds.writes !== news.writes });
}

/** The first time that somebody else changed the pool's model. */
export async function create(inputs: State): Promise<dynamic.CreateResult<State>> {
    return Promise.resolve({ id: inputs.pool, outs: inputs });
}

/** Another time. */
export async function update(_id: string, _olds: State, news: State): Promise<dynamic.UpdateResult<State>> {
    return Promise.resolve({ outs: news });
}
