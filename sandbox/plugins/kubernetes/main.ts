// The executable `pulumi-resource-kubernetes` of the sandbox: serves the provider to the engine that started it.
import { version } from "@pulumi/kubernetes/package.json";
import { serve } from "../protocol/server";
import { Kubernetes } from "./provider";

serve(new Kubernetes(version));
