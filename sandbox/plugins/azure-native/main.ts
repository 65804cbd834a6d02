// The executable `pulumi-resource-azure-native` of the sandbox: serves the provider to the engine that started it.
import { version } from "@pulumi/azure-native/package.json";
import { serve } from "../protocol/server";
import { AzureNative } from "./provider";

serve(new AzureNative(version));
