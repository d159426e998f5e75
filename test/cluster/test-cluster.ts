import { afterAll, beforeAll, inject, onTestFinished } from "vitest";

import { createDatabase } from "../support/postgres.ts";
import type { Checker } from "./checker.ts";
import { createChecker } from "./checker.ts";
import type { Cluster } from "./cluster.ts";
import { startCluster } from "./cluster.ts";

/** For whatever has to come true in the end, on a machine that does other things as well. */
export const PATIENCE = { timeout: 30_000, interval: 100 };
export const END_PATIENCE_MS = 45_000;

type TestCluster = { readonly cluster: Cluster; readonly checker: Checker };
type Options = {
  readonly gateways: number;
  readonly databaseUrl?: string;
  readonly environment?: Readonly<Record<string, string>>;
};

/** A cluster and its checker, closed when the test has ended; on a database of its own in the run's Postgres. */
export async function startTestCluster(options: Options): Promise<TestCluster> {
  const opened = await openTestCluster(options);
  onTestFinished(opened.close);
  return opened;
}

/** One for all tests of a `describe`, each of which leaves it whole, and every job ended. */
export function useTestCluster(options: Options): () => TestCluster {
  let opened: Awaited<ReturnType<typeof openTestCluster>>;
  beforeAll(async () => {
    opened = await openTestCluster(options);
  });
  afterAll(() => opened.close());
  return () => opened;
}

async function openTestCluster(options: Options) {
  await using opening = new AsyncDisposableStack();
  let { databaseUrl } = options;
  if (databaseUrl === undefined) {
    const database = opening.adopt(await createDatabase(), ({ drop }) => drop());
    databaseUrl = database.url;
  }
  const program = inject("programFolder");
  const cluster = opening.use(await startCluster({ ...options, databaseUrl, program }));
  const checker = opening.use(createChecker(cluster));
  const resources = opening.move();
  return { cluster, checker, close: () => resources.disposeAsync() };
}
