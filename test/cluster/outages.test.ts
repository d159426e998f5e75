import { setTimeout as sleep } from "node:timers/promises";

import { expect, test } from "vitest";

import { SubmitJobDocument } from "../support/gql/operations.ts";
import { request } from "../support/graphql-client.ts";
import { countNotDue } from "./database-faults.ts";
import { openTestCluster, PATIENCE } from "./test-cluster.ts";

/** Until probes are as rare as they get; the full minute runs in the soak. */
const KNOWN_MS = 4_000;
/** In that time, of all gateways together; so many jobs would get hundreds. */
const TRICKLE = 48;
const JOBS = 60;
const TIMEOUT = { timeout: 120_000 };

const { cluster, checker, expectAllWell, hold } = await openTestCluster(2);
const { upstream, databaseLink } = cluster;

test(
  "a database that is behind a black hole for longer than a claim costs time and no job",
  TIMEOUT,
  async () => {
    await hold(10);
    databaseLink.blackHole();
    await cluster.finishJobs();
    await expect.poll(() => countNotDue(cluster), PATIENCE).toBe(0);
    databaseLink.heal();
    await checker.submit("quick", 10);
    await expectAllWell();
    expect(await checker.countJobs("FAILED")).toBe(0);
  },
);

test(
  "an upstream that is down for a while gets a few probes and no submit, and all jobs recover once it is back",
  TIMEOUT,
  async () => {
    await hold(JOBS);
    await expect.poll(() => checker.countJobs("IN_PROGRESS"), PATIENCE).toBe(JOBS);
    upstream.setFault("envelope-503");
    await expect.poll(() => cluster.members().every(hasOutage), PATIENCE).toBe(true);

    const [polls, posts] = [upstream.count("status"), upstream.count("submit")];
    for (const endAt = performance.now() + KNOWN_MS; performance.now() < endAt;) {
      for (const { url } of cluster.members()) expect(await trySubmit(url)).toBe("UNAVAILABLE");
      await sleep(500);
    }
    expect(upstream.count("status") - polls).toBeLessThan(TRICKLE);
    expect(upstream.count("submit")).toBe(posts);
    await cluster.finishJobs();
    upstream.setFault(null);
    await expectAllWell();
    expect(await checker.countJobs("FAILED")).toBe(0);
  },
);

/** As its log has it. */
function hasOutage({ process }: ReturnType<typeof cluster.members>[number]): boolean {
  const log = process.stderr();
  return log.lastIndexOf("RunComfy keeps failing") > log.lastIndexOf("RunComfy answers again");
}

async function trySubmit(url: string): Promise<string> {
  const variables = { deploymentId: "quick", input: { prompt: "in an outage" } };
  const { submitJob } = await request(url, SubmitJobDocument, variables);
  return submitJob.__typename === "UpstreamError" ? submitJob.code : submitJob.__typename;
}
