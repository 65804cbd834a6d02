// What the az CLI is signed in to.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { UserError } from "../core/errors";
import { cloud, cloudName } from "./cloud";

const LIMIT_MS = 30_000;

interface Account {
    id?: string;
    environmentName?: string;
}

/**
 * The subscription that the az CLI has selected, in the cloud in use.
 *
 * @throws UserError in one line when az is missing, is not signed in, or is signed in to another cloud
 */
export async function selectedSubscription(): Promise<string> {
    const account = await showAccount();
    await refuse(account);
    if (!account.id) {
        throw new UserError(
            "no Azure subscription: az has none selected; set ARM_SUBSCRIPTION_ID, or run az account set",
        );
    }
    return account.id;
}

/** @throws UserError when az is signed in to another cloud than the settings name: its tokens are of no use here */
export async function refuseOtherCloud(): Promise<void> {
    await refuse(await showAccount().catch(() => ({})));
}

async function refuse({ environmentName }: Account): Promise<void> {
    const { name, custom } = await cloud();
    // Custom clouds have whatever name a person has given them in az.
    if (!custom && environmentName !== undefined && cloudName(environmentName) !== name) {
        throw new UserError(
            `az is signed in to the cloud ${environmentName}, and this stack uses ${name}: set ARM_ENVIRONMENT (azure-native:environment) ` +
                "to az's cloud, or run az cloud set and az login",
        );
    }
}

async function showAccount(): Promise<Account> {
    try {
        const options = { timeout: LIMIT_MS };
        const { stdout } = await promisify(execFile)("az", ["account", "show", "--output", "json"], options);
        return JSON.parse(stdout) as Account;
    } catch (error) {
        const { code, stderr = "" } = error as { code?: unknown; stderr?: string };
        const reason = code === "ENOENT" ? "az is not installed" : stderr.trim() || "az gave no account";
        throw new UserError(
            `no Azure subscription: ${reason}; set ARM_SUBSCRIPTION_ID or azure-native:subscriptionId, or run az login`,
        );
    }
}
