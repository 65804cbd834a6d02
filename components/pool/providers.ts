// Which azure-native provider a resource goes through: one for each subscription, since a provider knows one
// subscription only.
import { Provider, type ProviderArgs } from "@pulumi/azure-native/provider";
import * as pulumi from "@pulumi/pulumi";
import { subscriptionId } from "../azure/login";
import { SECRET_SETTINGS } from "../azure/settings";

const providers = new Map<string, Provider>();
let defaultSubscription: string | undefined;

/** Finds out the default provider's subscription. To be awaited before `providerFor` is asked. */
export async function findDefaultSubscription(): Promise<string> {
    const found = await subscriptionId();
    defaultSubscription = found.toLowerCase();
    return found;
}

/**
 * The provider of a subscription: undefined, which is Pulumi's default one, for the subscription that the settings
 * name; otherwise an explicit one, declared once. Without it a scale set or gallery of another subscription is looked
 * for in the default one, where another of the same name may be.
 */
export function providerFor(subscription: string): Provider | undefined {
    const key = subscription.toLowerCase();
    if (defaultSubscription === undefined || key === defaultSubscription) {
        return undefined;
    }
    let provider = providers.get(key);
    if (!provider) {
        provider = new Provider(`subscription-${key}`, { ...configuredArgs(), subscriptionId: subscription });
        providers.set(key, provider);
    }
    return provider;
}

// An explicit provider reads environment variables, but not the stack's configuration: that is passed on, secrets as
// secrets.
// Source: https://www.pulumi.com/docs/iac/concepts/providers/#explicit-provider-configuration
const TEXTS = [
    "clientCertificatePath",
    "clientId",
    "environment",
    "location",
    "metadataHost",
    "msiEndpoint",
    "oidcRequestUrl",
    "oidcTokenFilePath",
    "partnerId",
    "tenantId",
] as const;
const SWITCHES = [
    "disableInstanceDiscovery",
    "disablePulumiPartnerId",
    "useDefaultAzureCredential",
    "useMsi",
    "useOidc",
] as const;

type Passed =
    (typeof SECRET_SETTINGS)[number] | (typeof TEXTS)[number] | (typeof SWITCHES)[number] | "auxiliaryTenantIds";

// Does not compile once a later SDK knows a setting that is not passed on.
void ({} satisfies Record<Exclude<keyof ProviderArgs, Passed | "subscriptionId">, never>);

function configuredArgs(): ProviderArgs {
    const config = new pulumi.Config("azure-native");
    const secrets = SECRET_SETTINGS.map((name) => [name, config.getSecret(name)]);
    const texts = TEXTS.map((name) => [name, config.get(name)]);
    const switches = SWITCHES.map((name) => [name, config.getBoolean(name)]);
    const all = [...secrets, ...texts, ...switches].filter(([, value]) => value !== undefined);
    return {
        ...(Object.fromEntries(all) as ProviderArgs),
        auxiliaryTenantIds: config.getObject<string[]>("auxiliaryTenantIds"),
    };
}
