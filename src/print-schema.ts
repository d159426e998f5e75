import { parseArgs, stripVTControlCharacters } from "node:util";

import { printSchema } from "graphql";

import { COMMANDS } from "./config/commands.ts";
import { OPEN_CATALOGUE } from "./engine/deployments/catalogue.ts";
import { loadCatalogue } from "./engine/deployments/load-catalogue.ts";
import { createSchema } from "./api/schema/create-schema.ts";
import { entryMembersOf, loadParts, loadSchemaParts } from "./parts.ts";

const USE = `Use it like this: ${COMMANDS.schema} --deployments my.json > schema.graphql`;

// Without a file, the schema of no catalogue.
try {
  const { deployments } = readParameters();
  const parts = await loadParts();
  const members = entryMembersOf(parts);
  const loaded =
    deployments === undefined ? null : await loadCatalogue(deployments, "sandbox", members);
  for (const warning of loaded?.warnings ?? []) console.error(stripVTControlCharacters(warning));
  const catalogue = loaded?.catalogue ?? OPEN_CATALOGUE;
  console.log(printSchema(createSchema(catalogue, await loadSchemaParts(parts))));
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  console.error(stripVTControlCharacters(reason));
  process.exitCode = 1;
}

function readParameters(): { readonly deployments?: string | undefined } {
  try {
    return parseArgs({ options: { deployments: { type: "string" } } }).values;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${reason}\n${USE}`, { cause });
  }
}
