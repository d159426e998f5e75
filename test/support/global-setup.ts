import type { TestProject } from "vitest/node";

import { startPostgres } from "./postgres-server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A superuser's URL of the one Postgres of this run, ending in `/postgres`. */
    readonly postgresUrl: string;
  }
}

/** Starts the one Postgres that all test files of a run share; each makes its own database in it. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  project.provide("postgresUrl", server.url);
  return () => server.stop();
}
