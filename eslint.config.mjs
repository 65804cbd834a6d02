// Lint rules: the recommended type-aware sets, and the house's one import rule.
import js from "@eslint/js";
import tseslint from "typescript-eslint";

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
            "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
        },
    },
    {
        // The product does not import the sandbox or the tests.
        files: ["index.ts", "components/**/*.ts", "policies/**/*.ts", "runner/**/*.ts"],
        rules: { "no-restricted-imports": ["error", { patterns: ["**/sandbox/**", "**/test/**"] }] },
    },
    {
        files: ["**/*.mjs", "**/policies/index.js"],
        ...tseslint.configs.disableTypeChecked,
    },
    {
        // Loaded as it is by Pulumi's launcher for policy packs, before there is anything to load TypeScript with.
        files: ["**/policies/index.js"],
        languageOptions: { sourceType: "commonjs" },
        rules: { "@typescript-eslint/no-require-imports": "off" },
    },
);
