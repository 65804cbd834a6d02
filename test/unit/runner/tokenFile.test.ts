// Each command that calls pulumi gives it the identity token of GitHub in a file: its state may be in blob storage, its
// key in Key Vault.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { scripts } from "../../../package.json";
import { GitHubServer } from "./gitHubServer";

let server: GitHubServer;
let directory: string;

beforeEach(async () => {
    server = await GitHubServer.start();
    directory = mkdtempSync(join(tmpdir(), "kamino-test-"));
    // Says what it was given, and fails. The first word stands: another command may go on while the token has gone.
    const script = `#!/bin/sh
set -C
echo "$AZURE_FEDERATED_TOKEN_FILE $AZURE_CLIENT_ID $AZURE_TENANT_ID $(cat "$AZURE_FEDERATED_TOKEN_FILE")" > ${directory}/given
exit 1
`;
    writeFileSync(join(directory, "pulumi"), script, { mode: 0o755 });
});
afterEach(() => {
    server.stop();
    rmSync(directory, { recursive: true });
});

test.each([
    ["preview", ["--stack", "prod"]],
    ["up", ["--stack", "prod"]],
    ["retake", ["pool1"]],
    ["status", ["--stack", "prod"]],
] as const)("npm run %s gives pulumi the token of a GitHub job", async (script, flags) => {
    const { exitCode, all } = await execa(process.execPath, [...scripts[script].split(" ").slice(1), ...flags], {
        ...{ cwd: join(__dirname, "..", "..", ".."), extendEnv: false, reject: false, stdin: "ignore", all: true },
        env: {
            ...{ PATH: `${directory}:${process.env.PATH}`, HOME: directory, ARM_USE_OIDC: "true" },
            ...{ ARM_CLIENT_ID: "c", ARM_TENANT_ID: "x", ACTIONS_ID_TOKEN_REQUEST_TOKEN: "t" },
            ACTIONS_ID_TOKEN_REQUEST_URL: `${server.url}/token?v=1`,
        },
    });
    expect(exitCode, all).toBe(1);
    const [file, ...given] = readFileSync(join(directory, "given"), "utf8").trim().split(" ");
    expect(given.join(" ")).toBe("c x token 1 api://AzureADTokenExchange");
    expect(existsSync(file)).toBe(false);
});
