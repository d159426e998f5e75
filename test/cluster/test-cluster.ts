import { afterAll, inject } from "vitest";

import { createDatabase } from "../support/postgres.ts";
import { createChecker } from "./checker.ts";
import { startCluster } from "./cluster.ts";

/** For whatever has to come true in the end, on a machine that does other things as well. */
export const PATIENCE = { timeout: 30_000, interval: 100 };

/** A cluster and its checker for all tests of a file, each of which leaves it whole, and every job ended. */
export async function openTestCluster(gateways: number) {
  await using opening = new AsyncDisposableStack();
  const { url: databaseUrl } = opening.adopt(await createDatabase(), ({ drop }) => drop());
  const program = inject("programFolder");
  const cluster = opening.use(await startCluster({ gateways, databaseUrl, program }));
  const checker = opening.use(createChecker(cluster));
  const opened = opening.move();
  afterAll(() => opened.disposeAsync());
  return {
    cluster,
    checker,
    /** Fails unless all jobs end, and none of what is promised was broken. */
    async expectAllWell(): Promise<void> {
      await checker.whenAllEnded(45_000);
      const { findBroken } = checker;
      if ((await findBroken()).length > 0) throw new Error((await findBroken()).join("\n"));
    },
    /** Has so many jobs at the upstream that stay there until they are finished. */
    async hold(count: number, status = "in_progress"): Promise<void> {
      cluster.upstream.script("held", [status]);
      await checker.submit("held", count);
    },
  };
}
