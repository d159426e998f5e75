import { defineConfig } from "vite";

export default defineConfig({
  base: "/console/",
  build: {
    outDir: "dist",
    // Everything from files of its own: the page's policy allows nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // KB before compression; 150 KB after it.
    chunkSizeWarningLimit: 550,
  },
  server: {
    proxy: {
      "/graphql": { target: process.env["GATEWAY"] ?? "http://127.0.0.1:4000", ws: true },
    },
  },
});
