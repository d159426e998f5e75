import { gzipSync } from "node:zlib";

import { build } from "vite";
import { expect, test } from "vitest";

const MOST_BYTES = 5 * 1024;

test("the client and its hooks are smaller than 5 KB gzipped, without their peers", async () => {
  const result = await build({
    logLevel: "silent",
    configFile: false,
    build: {
      write: false,
      modulePreload: false,
      rolldownOptions: {
        input: ["src/client/index.ts", "src/client/react.ts"],
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
  expect(gzipSync(code).byteLength).toBeLessThan(MOST_BYTES);
});
