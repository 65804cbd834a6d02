// Compile-time proof that model.ts leaves out everything, at every depth, that Azure answers and the resource does not
// take.
import type { compute } from "@pulumi/azure-native";
import type * as pulumi from "@pulumi/pulumi";

type Scalar = string | number | boolean;
type Plain<T> = Exclude<NonNullable<T>, Promise<unknown> | pulumi.OutputInstance<unknown>>;
type Item<T> = T extends readonly (infer E)[] ? Plain<E> : T;
type Depth = [never, 0, 1, 2, 3, 4, 5, 6, 7];

/** Paths of properties of an answer `R` that the inputs `A` do not have. */
type ReadOnlyPaths<R, A, P extends string, D extends number> = D extends 0
    ? never
    : R extends Scalar
      ? never
      : {
            [K in keyof R & string]-?: K extends keyof A
                ? ReadOnlyPaths<Item<Plain<R[K]>>, Item<Plain<A[K]>>, `${P}${K}.`, Depth[D]>
                : `${P}${K}`;
        }[keyof R & string];

type Found = ReadOnlyPaths<compute.GetVirtualMachineScaleSetResult, compute.VirtualMachineScaleSetArgs, "", 8>;

type TopLevel =
    | "azureApiVersion"
    | "etag"
    | "id"
    | "name"
    | "provisioningState"
    | "systemData"
    | "timeCreated"
    | "type"
    | "uniqueId";
type Extensions = "virtualMachineProfile.extensionProfile.extensions";

/** What `modelAsItIs` removes, and Windows' one, which no pool of this program has. */
type Removed =
    | TopLevel
    | "identity.principalId"
    | "identity.tenantId"
    | `identity.userAssignedIdentities.${string}`
    | "virtualMachineProfile.timeCreated"
    | `${Extensions}.id`
    | `${Extensions}.provisioningState`
    | "virtualMachineProfile.storageProfile.imageReference.exactVersion"
    | "virtualMachineProfile.osProfile.windowsConfiguration.enableVMAgentPlatformUpdates";

/** Does not compile when an SDK brings a read-only property that model.ts does not know. */
export const nothingIsForgotten: [Exclude<Found, Removed>] extends [never] ? true : never = true;
