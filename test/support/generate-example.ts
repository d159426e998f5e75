import { execFile } from "node:child_process";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { printSchema } from "graphql";

import { readCatalogue } from "../../src/deployments/load-catalogue.ts";
import sandbox from "../../sandbox/src/deployments.json" with { type: "json" };
import { createSchema } from "../../src/schema/create-schema.ts";
import { linkPackages } from "./link-packages.ts";
import { readBlocks, ROOT } from "./pages.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

const PRESET = "presetConfig: { fragmentMasking: false },\n";

/**
 * A folder with the example, whose documents are generated as the pages on a typed app and on trusted documents tell; they
 * are listed in `src/gql/persisted-documents.json`.
 */
export async function generateExample(): Promise<string> {
  const folder = await createTemporaryFolder();
  await linkPackages(folder);
  await cp(join(ROOT, "examples/react"), folder, { recursive: true });
  const settings = { extends: join(ROOT, "examples/react/tsconfig.json"), include: ["src"] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(settings));
  const schema = printSchema(createSchema(readCatalogue(sandbox).catalogue));
  await writeFile(join(folder, "schema.graphql"), schema);
  const [config = ""] = readBlocks("docs/typed-frontend.md", CHAPTER, "ts");
  const [list = ""] = readBlocks("docs/trusted-documents.md", "Make the list", "ts");
  if (!config.includes(PRESET)) throw new Error(`The page has no ${PRESET}`);
  const text = `import { addTypenameSelectionDocumentTransform } from "@graphql-codegen/client-preset";\n${config.replace(PRESET, list)}`;
  await writeFile(join(folder, "codegen.ts"), text);
  const program = join(ROOT, "node_modules/.bin/graphql-codegen");
  await promisify(execFile)(process.execPath, [program], { cwd: folder });
  return folder;
}

const CHAPTER = "4. Set up the generated types";
