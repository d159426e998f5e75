import { globSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { defineConfig, type Plugin } from "vite";

/** Writes down every document that the page sends, as it sends it, so that a gateway can trust them. */
const listDocuments: Plugin = {
  name: "list-documents",
  async generateBundle() {
    const paths = globSync("src/**/*queries.ts", { cwd: import.meta.dirname }).toSorted();
    const modules = await Promise.all(
      paths.map(
        (path): Promise<object> => import(pathToFileURL(join(import.meta.dirname, path)).href),
      ),
    );
    const texts = modules
      .flatMap((one) => Object.values(one))
      .map(String)
      .filter((text) => !text.trimStart().startsWith("fragment"));
    this.emitFile({
      type: "asset",
      fileName: "documents.json",
      source: JSON.stringify(texts),
    });
  },
};

export default defineConfig({
  base: "/console/",
  plugins: [listDocuments],
  // Preact stands in for React, of which a browser on a slow line would load and run 55 KB more.
  resolve: {
    alias: {
      "react/jsx-runtime": "preact/jsx-runtime",
      "react-dom": "preact/compat",
      react: "preact/compat",
      // The router brings what React had not yet before 18.
      "use-sync-external-store/shim/index.js": "preact/compat",
    },
  },
  build: {
    outDir: "dist",
    license: { fileName: "licenses.md" },
    // Everything from files of its own: the page's policy allows nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // All that the first screen takes is compressed as one: in pieces it is 2 KB more.
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: "first", test: /src.main\.tsx$/ }] } },
    },
  },
  server: {
    proxy: {
      "/graphql": { target: process.env["GATEWAY"] ?? "http://127.0.0.1:4000", ws: true },
    },
  },
});
