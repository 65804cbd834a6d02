// The modules that the dynamic resources' shells load, by the names that the shells and older states have: one bundle
// for all of them, so that they share clients and what they have read.
import * as infrastructureRef from "./capi/infrastructureRefProvider";
import * as machinePoolImage from "./capi/machinePoolImageProvider";
import * as machineTemplate from "./capi/machineTemplateProvider";
import * as capture from "./capture/provider";
import * as foreignChanges from "./pool/foreignChangesProvider";
import * as newUpdatedNodes from "./pool/newUpdatedNodesProvider";
import * as selection from "./selection/provider";

export const providers = {
    "components/capi/infrastructureRefProvider": infrastructureRef,
    "components/capi/machinePoolImageProvider": machinePoolImage,
    "components/capi/machineTemplateProvider": machineTemplate,
    "components/capture/provider": capture,
    "components/pool/foreignChangesProvider": foreignChanges,
    "components/pool/newUpdatedNodesProvider": newUpdatedNodes,
    "components/selection/provider": selection,
};
