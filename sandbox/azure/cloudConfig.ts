// Custom data that is a cloud-config, as cloud-init reads it: plain, or a Jinja template as Cluster API writes it.
// Source: https://docs.cloud-init.io/en/latest/explanation/instance-data.html (using instance-data)
import { parse as parseYaml } from "yaml";

/** The parts of a cloud-config that do something here; all else is taken and does nothing. */
export interface CloudConfig {
    write_files?: { path?: string; content?: string; encoding?: string }[];
    runcmd?: (string | string[])[];
}

const TEMPLATE = /^## template: *jinja *\n/;
/** The one instance datum that Cluster API's templates ask for, in both of Jinja's spellings. */
const LOCAL_HOSTNAME = /\{\{\s*ds\.meta_data(?:\.local_hostname|\[["']local_hostname["']\])\s*\}\}/g;

/** The cloud-config on the machine of this name; undefined for custom data of another kind. */
export function cloudConfig(userData: string, computerName: string): CloudConfig | undefined {
    const rendered = TEMPLATE.test(userData)
        ? userData.replace(TEMPLATE, "").replace(LOCAL_HOSTNAME, () => computerName)
        : userData;
    return rendered.startsWith("#cloud-config") ? ((parseYaml(rendered) ?? {}) as CloudConfig) : undefined;
}
