import { parseArgs, stripVTControlCharacters } from "node:util";

import { printSchema } from "graphql";

import { loadCatalogue } from "./deployments/load-catalogue.ts";
import { createSchema } from "./schema/create-schema.ts";

// `npm run --silent schema -- --deployments my.json > schema.graphql`; without a file, the schema of no catalogue.
try {
  const { values } = parseArgs({ options: { deployments: { type: "string" } } });
  const { deployments } = values;
  const loaded = deployments === undefined ? null : await loadCatalogue(deployments);
  console.log(printSchema(createSchema(loaded?.catalogue ?? null)));
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  console.error(stripVTControlCharacters(reason));
  process.exitCode = 1;
}
