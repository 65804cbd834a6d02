// The `sandbox` command of a sandbox's shell: looks at the running sandbox and does things to its machines.
import { parseArgs } from "node:util";
import { commands, type Command } from "./commands";

const usage = ({ name, takes }: Command) => ["sandbox", name, ...takes].join(" ");

function help(): string {
    const width = Math.max(...commands.map((command) => usage(command).length));
    const lines = commands.flatMap((command) => [
        `  ${usage(command).padEnd(width)}  ${command.help}`,
        ...Object.entries(command.options ?? {}).map(([name, text]) => `  ${"".padEnd(width)}    --${name}: ${text}`),
    ]);
    return ["Looks at the running sandbox and does things to its machines.", "", ...lines].join("\n");
}

/** The values of a command line, by name; throws one line if they are not what the command takes. */
function valuesOf(command: Command, rest: string[]): Record<string, string> {
    const options = Object.fromEntries(
        Object.keys(command.options ?? {}).map((name) => [name, { type: "string" as const }]),
    );
    // A negative UTC offset looks like an option to the parser.
    const joined = rest.join("\0").replace(/(--offset)\0(-\d+)/, "$1=$2");
    const parsed = parseArgs({ args: joined === "" ? [] : joined.split("\0"), options, allowPositionals: true });
    const required = command.takes.filter((name) => !name.startsWith("["));
    if (parsed.positionals.length < required.length || parsed.positionals.length > command.takes.length) {
        throw new Error(`usage: ${usage(command)}`);
    }
    const named = command.takes.map((name, index) => [name.replace(/[[\]]/g, ""), parsed.positionals[index]] as const);
    return { ...Object.fromEntries(named), ...(parsed.values as Record<string, string>) };
}

async function call(command: string, values: Record<string, string>): Promise<unknown> {
    const { KAMINO_SANDBOX_URL: url, KAMINO_SANDBOX_TOKEN: token } = process.env;
    if (!url) {
        throw new Error("no sandbox in this environment; start one with: make shell");
    }
    const response = await fetch(url, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}` },
        body: JSON.stringify({ command, values }),
    }).catch(() => {
        throw new Error("the sandbox of this environment does not run any more; start one with: make shell");
    });
    const body = (await response.json()) as { error?: string } | null;
    if (!response.ok) {
        throw new Error(body?.error ?? `the sandbox answered ${response.status}`);
    }
    return body;
}

function print(result: unknown): void {
    if (!Array.isArray(result)) {
        return console.log(String(result).trimEnd());
    }
    const rows = result as Record<string, string>[];
    const columns = Object.keys(rows[0] ?? {});
    const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => row[column].length)));
    const line = (cells: string[]) =>
        cells
            .map((cell, index) => cell.padEnd(widths[index]))
            .join("  ")
            .trimEnd();
    console.log([columns, ...rows.map((row) => columns.map((column) => row[column]))].map(line).join("\n"));
}

async function main([name, ...rest]: string[]): Promise<void> {
    if (name === undefined || name === "help" || [name, ...rest].some((text) => text === "--help" || text === "-h")) {
        return console.log(help());
    }
    const command = commands.find((known) => known.name === name);
    if (!command) {
        throw new Error(`there is no command ${name}; see: sandbox --help`);
    }
    print(await call(name, valuesOf(command, rest)));
}

main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(`sandbox: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
});
