import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "vite";

/** What finds files of its own beside itself, or is loaded only where it is installed. */
const APART = ["sharp", "pino-pretty", /^@opentelemetry\/(?!api$)/];

/**
 * Puts the program and its packages into one file, `src/main.ts` of a copy: to find and load a thousand modules takes
 * Node four times as long as all the rest of a start.
 */
export async function bundleProgram(copy: string): Promise<void> {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  await build({
    root,
    configFile: false,
    logLevel: "error",
    // As Node resolves them; graphql's other build would be a second copy.
    resolve: { mainFields: ["main"], conditions: ["node"] },
    ssr: { noExternal: true, resolve: { conditions: ["node"] } },
    build: {
      ssr: join(root, "src/main.ts"),
      outDir: join(copy, "src"),
      emptyOutDir: false,
      target: "node24",
      minify: false,
      rolldownOptions: { external: APART, output: { entryFileNames: "main.ts" } },
    },
  });
}
