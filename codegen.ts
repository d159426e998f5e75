import type { CodegenConfig } from "@graphql-codegen/cli";
import { printSchema } from "graphql";

import { printEnvExample, printSettingsPage } from "./src/config/print-settings.ts";
import { OPEN_CATALOGUE } from "./src/deployments/catalogue.ts";
import { createSchema } from "./src/schema/create-schema.ts";

const config: CodegenConfig = {
  schema: printSchema(createSchema(OPEN_CATALOGUE)),
  documents: "test/support/*.graphql",
  // Fields in their own order, as `npm run schema` prints them.
  config: { sort: false },
  generates: {
    "schema.graphql": { plugins: ["schema-ast"] },
    ".env.example": { plugins: [{ add: { content: printEnvExample() } }] },
    "docs/settings.md": { plugins: [{ add: { content: printSettingsPage() } }] },
    "test/support/gql/operations.ts": {
      plugins: ["typescript-operations", "typed-document-node"],
      config: {
        enumType: "string-literal",
        immutableTypes: true,
        strictScalars: true,
        useTypeImports: true,
        scalars: {
          DateTime: "string",
          JSON: {
            input: "../../../src/job/json.ts#JsonValue",
            output: "../../../src/job/json.ts#JsonValue",
          },
          URL: "string",
        },
      },
    },
  },
};

export default config;
