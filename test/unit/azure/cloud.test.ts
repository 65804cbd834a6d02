// Which Azure this is, as a metadata host tells it.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { VARIABLES } from "../../../components/azure/settings";

const HTTP = "../../../components/azure/http.js";

beforeEach(() => {
    vi.resetModules();
    Object.values(VARIABLES)
        .flat()
        .forEach((name) => vi.stubEnv(name, ""));
});
afterEach(() => {
    vi.doUnmock(HTTP);
    vi.unstubAllEnvs();
    vi.resetModules();
});

const cloud = (name: string | undefined, host: string) => ({
    name,
    resourceManager: `https://management.${host}/`,
    authentication: { loginEndpoint: `https://login.${host}/`, audiences: [`https://management.core.${host}/`] },
});

/** As https://management.azure.com/metadata/endpoints?api-version=2022-09-01 lists them. */
const ALL = [
    cloud("AzureCloud", "public"),
    cloud("AzureChinaCloud", "china"),
    cloud("AzureUSGovernment", "government"),
    cloud("AzureStack", "stack"),
];

/** The cloud that is found with this environment where the metadata host answers so. */
async function found(answer: unknown, environment = "") {
    vi.stubEnv("ARM_METADATA_HOSTNAME", "metadata.example.invalid");
    vi.stubEnv("ARM_ENVIRONMENT", environment);
    vi.doMock(HTTP, () => ({ getJson: () => Promise.resolve(answer) }));
    const settings = await import("../../../components/azure/settings.js");
    settings.configureAzure(() => undefined);
    return (await import("../../../components/azure/cloud.js")).cloud();
}

it.each([
    ["", "public"],
    ["public", "public"],
    ["AzureCloud", "public"],
    ["AzurePublicCloud", "public"],
    ["usgovernment", "government"],
    ["USGov", "government"],
    ["AzureUSGovernment", "government"],
    ["AzureUSGovernmentCloud", "government"],
    ["china", "china"],
    ["AzureChinaCloud", "china"],
    ["azurestack", "stack"],
])("environment %j is one of a list, by whichever of its names", async (environment, host) => {
    expect(await found(ALL, environment)).toMatchObject({
        resourceManager: `https://management.${host}`,
        authorityHost: `https://login.${host}`,
        scope: `https://management.core.${host}/.default`,
        custom: true,
    });
});

it.each(["german", ""])("environment %j that a list of several does not have is refused in one line", async (named) => {
    const others = [cloud("AzureStack", "stack"), cloud("AzureOther", "other"), cloud(undefined, "none")];
    await expect(found(others, named)).rejects.toThrow(
        `azure-native:environment (ARM_ENVIRONMENT): Azure's metadata host metadata.example.invalid tells of no cloud "${named || "public"}"; ` +
            "name one of AzureStack, AzureOther, ?",
    );
});

it.each([
    ["alone", cloud("AzureStack", "stack")],
    ["as a list of one", [cloud("AzureStack", "stack")]],
    ["without a name", cloud(undefined, "stack")],
])("the one cloud that a host has is taken, whatever its name: %s", async (_, answer) => {
    expect((await found(answer, "public")).resourceManager).toBe("https://management.stack");
});

it.each([[[]], [{}], [[{ name: "AzureCloud" }]]])("an answer without endpoints is one line: %j", async (answer) => {
    await expect(found(answer)).rejects.toThrow("Azure's metadata host metadata.example.invalid tells no endpoints");
});
