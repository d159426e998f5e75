import { setTimeout as sleep } from "node:timers/promises";

import { SubmitJobDocument } from "../support/gql/operations.ts";
import { request } from "../support/graphql-client.ts";
import type { Checker } from "./checker.ts";
import type { Cluster, Member } from "./cluster.ts";

/** What was seen in an outage from when every gateway knew of it until it ended. */
type OutageFigures = {
  /** Polls of all gateways together. */
  readonly polls: number;
  readonly posts: number;
  /** How submits were answered, each answer once: an error's code, or another type's name. */
  readonly answers: readonly string[];
};

/** How the upstream goes away, and how it is brought back. */
type OutageForm = {
  readonly leave: (cluster: Cluster) => void;
  readonly comeBack: (cluster: Cluster) => void;
};

const SUBMITS_AT_ONCE = 5;
const SUBMIT_INTERVAL_MS = 500;
const PATIENCE_MS = 30_000;

/**
 * Has so many jobs in flight, takes the upstream away and brings it back; meanwhile it ends all
 * jobs, and every gateway is asked to submit. The gateways still have to find out all that.
 */
export async function bearOutage(scene: {
  readonly cluster: Cluster;
  readonly checker: Checker;
  readonly jobs: number;
  /** How long it lasts from when every gateway knows of it. */
  readonly knownMs: number;
  readonly form: OutageForm;
}): Promise<OutageFigures> {
  const { cluster, checker, jobs, knownMs } = scene;
  const { upstream } = cluster;
  upstream.script("held", ["in_progress"]);
  await checker.submit("held", jobs);
  await waitUntil(async () => (await checker.countJobs("IN_PROGRESS")) === jobs);
  scene.form.leave(cluster);
  if (!(await waitUntil(async () => cluster.members().every(hasOutage)))) {
    throw new Error("Not every gateway found out that the upstream is away.");
  }

  const before = countCalls(cluster);
  const answers = await keepSubmitting(cluster, knownMs);
  const after = countCalls(cluster);
  const polls = after.polls - before.polls;
  const posts = after.posts - before.posts;
  await cluster.finishJobs();

  scene.form.comeBack(cluster);
  return { polls, posts, answers: [...answers] };
}

/** As its log has it. */
function hasOutage({ process }: Member): boolean {
  const log = process.stderr();
  return log.lastIndexOf("RunComfy keeps failing") > log.lastIndexOf("RunComfy answers again");
}

/** With those that a black hole keeps from the upstream. */
function countCalls({ upstream, upstreamLink }: Cluster) {
  const held = upstreamLink.held();
  return {
    polls: upstream.count("status") + held.filter((line) => line.includes("/status ")).length,
    posts: upstream.count("submit") + held.filter((line) => line.startsWith("POST ")).length,
  };
}

/** Some at each gateway, by turns, for so long. */
async function keepSubmitting(cluster: Cluster, durationMs: number): Promise<ReadonlySet<string>> {
  const variables = { deploymentId: "quick", input: { prompt: "in an outage" } };
  const answers = new Set<string>();

  async function submitOne(url: string): Promise<void> {
    const { submitJob } = await request(url, SubmitJobDocument, variables);
    const { __typename: type } = submitJob;
    answers.add(submitJob.__typename === "UpstreamError" ? submitJob.code : type);
  }

  const endAt = performance.now() + durationMs;
  while (performance.now() < endAt) {
    const next = sleep(SUBMIT_INTERVAL_MS);
    const urls = cluster
      .members()
      .flatMap(({ url }) => Array.from({ length: SUBMITS_AT_ONCE }, () => url));
    await Promise.all(urls.map(submitOne));
    await next;
  }
  return answers;
}

async function waitUntil(isTrue: () => Promise<boolean>): Promise<boolean> {
  const endAt = performance.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (performance.now() > endAt) return false;
    await sleep(50);
  }
  return true;
}
