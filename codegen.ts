import { readFileSync } from "node:fs";

import type { CodegenConfig } from "@graphql-codegen/cli";
import { printSchema } from "graphql";

import { printPackages, readShipped } from "./ops/print-packages.ts";
import { printVerified } from "./ops/print-verified.ts";
import { printEnvExample, printSettingsPage } from "./src/config/print-settings.ts";
import { OPEN_CATALOGUE } from "./src/engine/deployments/catalogue.ts";
import { readCatalogue } from "./src/engine/deployments/load-catalogue.ts";
import sandbox from "./sandbox/src/deployments.json" with { type: "json" };
import { createSchema } from "./src/api/schema/create-schema.ts";
import { loadParts, loadSchemaParts } from "./src/parts.ts";

const parts = await loadParts();
const schemaParts = await loadSchemaParts(parts);
const schema = printSchema(createSchema(OPEN_CATALOGUE, schemaParts));
const packagesPage = "docs/dependencies.md";
const packages = printPackages(readFileSync(packagesPage, "utf8"), readShipped());
const verifiedPage = "docs/verified.md";
const verified = printVerified(readFileSync(verifiedPage, "utf8"));
const scalars = { DateTime: "string", URL: "string", SafeInt: "number" };

const config: CodegenConfig = {
  schema,
  generates: {
    // As it is, because what codegen loads it sorts: so that documents come in one order, whichever file is read first.
    "schema.graphql": { plugins: [{ add: { content: schema } }] },
    ".env.example": { plugins: [{ add: { content: printEnvExample(parts) } }] },
    "docs/settings.md": { plugins: [{ add: { content: printSettingsPage(parts) } }] },
    [packagesPage]: { plugins: [{ add: { content: packages } }] },
    [verifiedPage]: { plugins: [{ add: { content: verified } }] },
    "test/support/gql/operations.ts": {
      documents: "test/support/*.graphql",
      plugins: ["typescript-operations", "typed-document-node"],
      config: {
        disableDescriptions: true,
        enumType: "string-literal",
        immutableTypes: true,
        strictScalars: true,
        useTypeImports: true,
        scalars: {
          ...scalars,
          JSON: {
            input: "../../../src/engine/job/json.ts#JsonValue",
            output: "../../../src/engine/job/json.ts#JsonValue",
          },
        },
      },
    },
    "client/src/gql.ts": {
      documents: "client/src/{documents,job-fields}.ts",
      plugins: ["typescript-operations"],
      config: {
        enumType: "string-literal",
        immutableTypes: true,
        strictScalars: true,
        scalars: { ...scalars, ID: "string", JSON: "unknown" },
      },
    },
    "console/src/gql.ts": {
      documents: "console/src/**/*queries.ts",
      externalDocuments: "client/src/job-fields.ts",
      plugins: ["typescript-operations"],
      config: {
        disableDescriptions: true,
        enumType: "string-literal",
        scalars: { ...scalars, ID: "string", JSON: "unknown" },
      },
    },
    // Of the sandbox's own deployments, so that the example runs against a gateway that was just started.
    "examples/react/src/gql/": {
      schema: printSchema(createSchema(readCatalogue(sandbox, "sandbox").catalogue, schemaParts)),
      documents: "examples/react/src/*.{ts,tsx}",
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: "string",
        useTypeImports: true,
        scalars: { ...scalars, JSON: "unknown" },
      },
    },
  },
};

export default config;
