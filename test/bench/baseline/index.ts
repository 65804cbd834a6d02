// What a program that uses these SDKs loads, whatever it does with them.
import "@pulumi/pulumi";
import "@pulumi/azure-native/compute";
import "@pulumi/kubernetes";
