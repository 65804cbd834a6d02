// Settings that are secret are Pulumi's secrets: one that a stack's settings hold in plain text is refused before
// anything is declared.
import { runtime } from "@pulumi/pulumi";
import { SECRET_SETTINGS } from "../azure/settings";
import { UserError } from "../core/errors";

const SECRET = SECRET_SETTINGS.map((name) => `azure-native:${name}`);

/**
 * Where the language host tells which keys of the configuration were encrypted; the SDK reads it, and offers no way to
 * ask.
 */
const SECRET_KEYS = "PULUMI_CONFIG_SECRET_KEYS";

/**
 * Checks the configuration of the stack that runs.
 *
 * @throws UserError in one line
 */
export function refusePlainSecrets(configured = runtime.allConfig(), encrypted = process.env[SECRET_KEYS]): void {
    if (encrypted !== undefined) {
        const keys = JSON.parse(encrypted) as string[];
        refuse((key) => key in configured && !keys.includes(key), "the stack's settings");
    }
}

/**
 * Checks a Pulumi.<stack>.yaml that is to be passed on, by its `config`.
 *
 * @param file for the message
 * @throws UserError in one line
 */
export function refusePlainSecretsIn(config: Record<string, unknown>, file: string): void {
    // What is encrypted is an object with the one member `secure`.
    refuse((key) => typeof config[key] === "string", file);
}

function refuse(isPlain: (key: string) => boolean, where: string): void {
    const found = SECRET.find(isPlain);
    if (found) {
        throw new UserError(`${found} is in plain text in ${where}; encrypt it: pulumi config set --secret ${found}`);
    }
}
