import { rmSync } from "node:fs";
import { join } from "node:path";

import pg from "pg";
import type { TestProject } from "vitest/node";

import { bundleProgram } from "./bundle-program.ts";
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

/**
 * Starts the one Postgres that all test files of a run share; each makes its own database in it. Copies the program for
 * them into one file, and runs it once: it makes the tables that they begin with, and what Node compiles of it is kept, as it is not of
 * a gateway that is killed.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const folder = copyProgram();
  process.env["NODE_COMPILE_CACHE"] = join(folder, "compiled");
  project.provide("programFolder", folder);
  const [server] = await Promise.all([startPostgres(), bundleProgram(folder)]);
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
