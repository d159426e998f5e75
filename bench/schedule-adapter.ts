import { createJob } from "../src/job/job.ts";
import { nextPollMs } from "../src/job/polls.ts";
import type { Times } from "../src/job/run-times.ts";
import { learnTimes } from "../src/job/run-times.ts";

const COST_SECONDS = Number(process.env["POLL_COST_SECONDS"] ?? "0.02");
const learned = new WeakMap<readonly number[], Times>();
const job = createJob({
  kind: "lora",
  ownerId: "local",
  deploymentId: "d",
  upstream: "sandbox",
  apiVersion: "v1",
  now: new Date(0),
});

/** The schedule as simulations of poll policies ask for it: milliseconds from `now` to the next poll, after past runs of `history` ms. */
export function nextPoll(options: {
  readonly startedAt: number;
  readonly now: number;
  readonly history: readonly number[];
}): number {
  const { startedAt, now, history } = options;
  const times = learned.get(history) ?? learnTimes(history.map(toRun));
  learned.set(history, times);
  const running = { ...job, status: "IN_PROGRESS", startedAt: new Date(startedAt) } as const;
  return nextPollMs(running, times, now, COST_SECONDS);
}

/** A run of so many milliseconds that nothing was in front of. */
export function toRun(runMs: number) {
  return { status: "SUCCEEDED", work: 1, place: 0, idleMs: 0, queueMs: 0, runMs } as const;
}
