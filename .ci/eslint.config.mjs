// The rules that the page's JavaScript keeps. From the root of the clone:
//
//   npx --yes eslint@9.39.5 -c .ci/eslint.config.mjs minicnn/explain/web tests/minicnn/explain
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";

// ESLint brings its recommended rules along: they are looked up beside the ESLint that runs
const js = createRequire(realpathSync(process.argv[1]))("@eslint/js");

const named = (names) => Object.fromEntries(names.split(" ").map((name) => [name, "readonly"]));
const LANGUAGE = named("atob");
const BROWSER = named(
  "addEventListener clearInterval clearTimeout document getComputedStyle history location matchMedia performance " +
    "ResizeObserver setInterval setTimeout window",
);

// Imports between the page's folders run in one direction.
const FOLDERS = ["base", "layers", "engine", "view"];
const downhill = FOLDERS.map((folder, n) => ({
  files: [`minicnn/explain/web/${folder}/**`],
  rules: {
    "no-restricted-imports": [
      "error",
      { patterns: [{ group: [...FOLDERS.slice(n + 1), "main.js"].map((above) => `../${above}*`) }] },
    ],
  },
}));

export default [
  js.configs.recommended,
  {
    files: ["**/*.js", "**/*.mjs"],
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: LANGUAGE },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "array-callback-return": "error",
      "default-case-last": "error",
      eqeqeq: "error",
      "no-implicit-coercion": "error",
      "no-self-compare": "error",
      "no-shadow": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "no-use-before-define": ["error", { functions: false, variables: false }],
      "no-useless-return": "error",
      "no-var": "error",
      "one-var": ["error", { initialized: "never" }],
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  ...downhill,
  {
    files: ["minicnn/explain/web/view/**", "minicnn/explain/web/main.js"],
    languageOptions: { globals: BROWSER },
  },
  { files: ["tests/**/*.mjs"], languageOptions: { globals: named("process console") } },
];
