import type { CodegenConfig } from "@graphql-codegen/cli";
import { printSchema } from "graphql";

import { createSchema } from "./src/schema/create-schema.ts";

const config: CodegenConfig = {
  schema: printSchema(createSchema(null)),
  documents: "test/support/*.graphql",
  // Fields in their own order, as `npm run schema` prints them.
  config: { sort: false },
  generates: {
    "schema.graphql": { plugins: ["schema-ast"] },
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
