// What the tests of the policy pack have their throwaway program declare.

/** Configuration of the program, under the key `wanted`. */
export type Wanted = {
    resourceGroup: string;
    scaleSet: string;
    /** Declares the scale set as it is, as a run that adopts it does. */
    asItIs?: boolean;
    /**
     * The image version that the model points at; left out, the model points at the definition, which is not a version.
     */
    version?: string;
    /** Properties of the scale set's inputs to replace. */
    model?: Record<string, string | number | boolean | Record<string, string>>;
    /** Image versions to declare, each from this snapshot. */
    versions?: string[];
    snapshot?: string;
    /** Name of a disk to declare beside the pool, which no program of kamino does. */
    disk?: string;
};
