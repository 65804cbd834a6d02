// Lint rules: the recommended type-aware sets, and the house's import rules: no circle anywhere, and a room of
// components/ imports from lower floors alone.
import js from "@eslint/js";
import { createNodeResolver, importX } from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

/** The rooms of components/ by floor, from 0 up. */
const floors = [
    ["core"],
    ["engine"],
    ["azure", "node"],
    ["config", "capture", "capi"],
    ["selection", "schedule"],
    ["pool"],
];

/**
 * For each room: what it may not import, which is the other rooms of its floor and all of the floors above, the sandbox
 * and tests.
 */
const roomRules = floors.flatMap((rooms, floor) =>
    rooms.map((room) => {
        const barred = floors
            .slice(floor)
            .flat()
            .filter((other) => other !== room);
        return {
            files: [`components/${room}/**/*.ts`],
            rules: {
                "no-restricted-imports": [
                    "error",
                    {
                        patterns: [
                            { group: ["**/sandbox/**", "**/test/**"] },
                            ...barred.map((other) => ({
                                group: [`../${other}/**`, `../${other}`],
                                message: `components/${room} is on floor ${floor} and imports from lower floors alone.`,
                            })),
                        ],
                    },
                ],
            },
        };
    }),
);

export default tseslint.config(
    { ignores: ["node_modules/", "**/node_modules/", ".sandbox/", "dist/"] },
    js.configs.recommended,
    ...tseslint.configs.recommendedTypeChecked,
    {
        languageOptions: {
            parserOptions: {
                projectService: {
                    allowDefaultProject: ["eslint.config.mjs", "policies/index.js", "test/engine/policies/index.js"],
                },
                tsconfigRootDir: import.meta.dirname,
            },
        },
        rules: {
            "@typescript-eslint/no-floating-promises": "error",
            "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
            "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
            curly: "error",
            // The length of code is prettier's.
            "max-len": ["error", { code: 1000, comments: 120, ignoreUrls: true }],
            "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
        },
    },
    {
        // The product does not import the sandbox or the tests.
        files: ["index.ts", "components/**/*.ts", "policies/**/*.ts", "runner/**/*.ts"],
        rules: { "no-restricted-imports": ["error", { patterns: ["**/sandbox/**", "**/test/**"] }] },
    },
    ...roomRules,
    {
        // (The rule passes over circles that exist in types alone.)
        files: ["**/*.ts"],
        plugins: { "import-x": importX },
        settings: {
            "import-x/resolver-next": [createNodeResolver({ extensions: [".ts", ".js", ".json"] })],
            "import-x/parsers": { "@typescript-eslint/parser": [".ts"] },
            "import-x/extensions": [".ts"],
        },
        rules: { "import-x/no-cycle": ["error", { ignoreExternal: true }], "import-x/no-duplicates": "error" },
    },
    {
        files: ["**/*.mjs", "**/*.cjs", "**/policies/index.js"],
        ...tseslint.configs.disableTypeChecked,
    },
    {
        // Loaded before there is anything to load TypeScript with.
        files: ["**/*.cjs", "**/policies/index.js"],
        languageOptions: { sourceType: "commonjs", globals: { __dirname: "readonly", __filename: "readonly" } },
        rules: { "@typescript-eslint/no-require-imports": "off" },
    },
);
