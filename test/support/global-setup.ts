import { rmSync } from "node:fs";
import { join } from "node:path";

import pg from "pg";
import { build } from "vite";
import type { TestProject } from "vitest/node";

import { ROOT } from "./pages.ts";
import { startPostgres } from "./postgres-server.ts";
import { copyProgram, spawnGateway } from "./spawn-gateway.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A superuser's URL of the one Postgres of this run, ending in `/postgres`. */
    readonly postgresUrl: string;
    /** The copy of the program that all gateways of this run have in common. */
    readonly programFolder: string;
  }
}

/** The gateway, and commands that tests run; not those which import while they wait themselves, as parts import them. */
const PROGRAMS = ["main", "manage-keys", "print-schema"];

/** What finds files of its own beside itself, or is loaded only where it is installed. */
const APART = ["sharp", "pino-pretty", /^@opentelemetry\/(?!api$)/];

/**
 * Starts the one Postgres that all test files of a run share; each makes its own database in it. Bundles the programs for
 * them, and runs the gateway once: it makes the tables that they begin with, and Node keeps what it has compiled, which it
 * doesn't for a gateway that is killed.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const folder = copyProgram();
  process.env["NODE_COMPILE_CACHE"] = join(folder, "compiled");
  project.provide("programFolder", folder);
  const [server] = await Promise.all([startPostgres(), bundlePrograms(folder)]);
  project.provide("postgresUrl", server.url);
  const template = new URL(server.url);
  template.pathname = "/template1";
  const gateway = spawnGateway({ DATABASE_URL: template.href }, { folder });
  await gateway.url;
  await gateway.kill("SIGTERM");
  const client = new pg.Client(template.href);
  await client.connect();
  // The databases that are made of it have no place yet.
  await client.query("update file_places set marker = null");
  await client.end();
  return async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}

/**
 * Puts the programs and their packages into few files, `src/main.ts` and others of a copy: to find and load a thousand
 * modules takes Node as long as all the rest of a start.
 */
async function bundlePrograms(copy: string): Promise<void> {
  await build({
    root: ROOT,
    configFile: false,
    logLevel: "error",
    // As Node resolves them; graphql's other build would be a second copy.
    resolve: { mainFields: ["main"], conditions: ["node"] },
    ssr: { noExternal: true, resolve: { conditions: ["node"] } },
    build: {
      ssr: true,
      outDir: join(copy, "src"),
      emptyOutDir: false,
      target: "node24",
      minify: false,
      rolldownOptions: {
        input: PROGRAMS.map((name) => join(ROOT, `src/${name}.ts`)),
        external: APART,
        output: { entryFileNames: "[name].ts", chunkFileNames: "[name]-[hash].mjs" },
      },
    },
  });
}
