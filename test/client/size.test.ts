import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { build } from "vite";
import { expect, test } from "vitest";

import { ROOT } from "../support/pages.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const MAX_BYTES = 5_500;

/** One that exports all, as if an app used all. */
async function writeEntry(): Promise<string> {
  const entry = join(await createTemporaryFolder(), "entry.ts");
  const files = ["index.ts", "react.ts"].map((file) => join(ROOT, "client/src", file));
  await writeFile(entry, files.map((file) => `export * from "${file}";\n`).join(""));
  return entry;
}

test("the client and its hooks are smaller than 5.5 KB gzipped, without their peers", async () => {
  const result = await build({
    logLevel: "silent",
    configFile: false,
    build: {
      write: false,
      modulePreload: false,
      rolldownOptions: {
        input: await writeEntry(),
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
  expect(gzipSync(code).byteLength).toBeLessThan(MAX_BYTES);
});
