import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { build } from "vite";
import { expect, test } from "vitest";

import { ROOT } from "../support/pages.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const HOOKS = "GatewayProvider, useConnection, useGateway, useJob, useSubmit";

/** One that exports all but lists, or with these, as if an app used that. */
async function writeEntry(hasLists: boolean): Promise<string> {
  const entry = join(await createTemporaryFolder(), "entry.ts");
  const source = (name: string) => `from "${join(ROOT, "client/src", name)}.ts";`;
  const hooks = hasLists ? `export * ${source("job-list")} export *` : `export { ${HOOKS} }`;
  await writeFile(entry, `export * ${source("index")} ${hooks} ${source("react")}`);
  return entry;
}

test.each([
  ["the client and its hooks are smaller than 5 KB", false, 5_000],
  ["with live lists they are smaller than 7 KB", true, 7_000],
])("%s gzipped, without their peers", async (_name, hasLists, maxBytes) => {
  const result = await build({
    logLevel: "silent",
    configFile: false,
    build: {
      write: false,
      modulePreload: false,
      rolldownOptions: {
        input: await writeEntry(hasLists),
        external: ["graphql-ws", "react"],
        preserveEntrySignatures: "strict",
      },
    },
  });
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((one) =>
    "output" in one ? one.output : [],
  );
  const code = outputs.map((chunk) => ("code" in chunk ? chunk.code : "")).join("\n");
  expect(code).toContain("graphql-ws");
  expect(gzipSync(code).byteLength).toBeLessThan(maxBytes);
});
