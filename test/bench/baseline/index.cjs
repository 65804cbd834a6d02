// What a program that uses these SDKs loads, whatever it does with them: plain JavaScript, nothing of this project.
"use strict";

require("@pulumi/pulumi");
require("@pulumi/azure-native/compute");
require("@pulumi/kubernetes");
