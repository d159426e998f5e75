import { inject, onTestFinished } from "vitest";

import { createDatabase } from "../support/postgres.ts";
import type { Checker } from "./checker.ts";
import { createChecker } from "./checker.ts";
import type { Cluster } from "./cluster.ts";
import { startCluster } from "./cluster.ts";

/** For whatever has to come true in the end, on a machine that does other things as well. */
export const PATIENCE = { timeout: 30_000, interval: 100 };
export const END_PATIENCE_MS = 45_000;

/** A cluster and its checker, closed when the test has ended; on a database of its own in the run's Postgres. */
export async function startTestCluster(options: {
  readonly gateways: number;
  readonly databaseUrl?: string;
  readonly environment?: Readonly<Record<string, string>>;
}): Promise<{ readonly cluster: Cluster; readonly checker: Checker }> {
  const databaseUrl = options.databaseUrl ?? (await createTestDatabase());
  const program = inject("programFolder");
  const cluster = await startCluster({ ...options, databaseUrl, program });
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const checker = createChecker(cluster);
  onTestFinished(() => checker.close());
  return { cluster, checker };
}

async function createTestDatabase(): Promise<string> {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  return url;
}
