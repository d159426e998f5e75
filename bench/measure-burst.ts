import { setImmediate } from "node:timers/promises";

import { nextPollMs } from "../src/job/polls.ts";
import type { RequestReference } from "../src/runcomfy/adapter.ts";
import { createRandom, logNormal } from "../test/job/distributions.ts";
import type { Figure } from "./figure.ts";
import { toFigure } from "./figure.ts";
import { openPollerAlone } from "./poller-alone.ts";

const JOBS = 100;
const RUNNERS = 4;
/** After the first, which all learn from. */
const BURSTS = 3;
const COST_SECONDS = 0.02;
const TURN_MS = 50;

/** 100 jobs at once, of which 4 run at a time, in a time that only this program lets pass. */
export async function measureBurst(): Promise<Figure[]> {
  const random = createRandom(1);
  const draw = logNormal(8, 0.5);
  // Nothing here may lie in the future of the database's own clock.
  let nowMs = Date.now() - 7_200_000;
  let jobs: readonly QueuedJob[] = [];
  let tally = { polls: 0, ended: 0, latenessMs: 0 };
  const find = ({ requestId }: Pick<RequestReference, "requestId">): QueuedJob => {
    const job = jobs[Number(requestId)];
    if (job === undefined) throw new Error(`There is no job ${requestId}.`);
    return job;
  };
  await using follower = await openPollerAlone({
    databaseUrl: ":memory:",
    now: () => nowMs,
    monotonic: () => nowMs,
    schedule: (job, times, atMs) => nextPollMs(job, times, atMs, COST_SECONDS),
    upstream: {
      async readStatus(request) {
        tally.polls += 1;
        const { startsAt, endsAt } = find(request);
        const isQueued = startsAt > nowMs;
        return {
          state: isQueued ? "queued" : endsAt > nowMs ? "running" : "succeeded",
          queuePosition: isQueued
            ? jobs.filter((one) => one.startsAt > nowMs && one.startsAt < startsAt).length
            : null,
          word: "",
        };
      },
      readResult: async (request) => ({
        kind: "succeeded",
        output: {},
        finishedAt: new Date(find(request).endsAt),
      }),
    },
    onEnd(requestId) {
      tally.ended += 1;
      tally.latenessMs += nowMs - find({ requestId }).endsAt;
    },
  });

  async function run() {
    const beganAt = nowMs;
    jobs = queueUp(beganAt, () => draw(random) * 1_000);
    tally = { polls: 0, ended: 0, latenessMs: 0 };
    for (const number of jobs.keys()) await follower.add(String(number));
    while (tally.ended < JOBS) {
      await follower.poller.tick();
      // Writes wait for one turn of the event loop.
      await setImmediate();
      await setImmediate();
      nowMs += TURN_MS;
    }
    const latenessMs = tally.latenessMs / JOBS;
    const lastedMs = jobs.reduce((sum, { endsAt }) => sum + endsAt - beganAt, 0) / JOBS;
    return { polls: tally.polls / JOBS, latenessMs, fixedPolls: lastedMs / (2 * latenessMs) + 0.5 };
  }

  const first = await run();
  const later = [];
  for (let burst = 0; burst < BURSTS; burst++) later.push(await run());
  return [...toFigures("after no run", [first]), ...toFigures(`after ${JOBS} runs`, later)];
}

type Burst = {
  readonly polls: number;
  readonly latenessMs: number;
  /** What polls at a fixed interval take to be as late. */
  readonly fixedPolls: number;
};

function toFigures(what: string, bursts: readonly Burst[]): Figure[] {
  const mean = (of: (burst: Burst) => number): number =>
    bursts.reduce((sum, burst) => sum + of(burst), 0) / bursts.length;
  const name = `polls per job, ${JOBS} at once on ${RUNNERS} runners, ${what}`;
  const fixed = toFigure(
    `${name}: fixed interval as late`,
    mean((one) => one.fixedPolls),
    "polls",
  );
  return [
    fixed,
    toFigure(
      `${name}: gateway`,
      mean(({ polls }) => polls),
      "polls",
      fixed,
    ),
    toFigure(
      `lateness, ${JOBS} at once on ${RUNNERS} runners, ${what}`,
      mean(({ latenessMs }) => latenessMs),
      "ms",
    ),
  ];
}

type QueuedJob = { readonly startsAt: number; readonly endsAt: number };

/** First in, first out. */
function queueUp(beganAt: number, drawMs: () => number): readonly QueuedJob[] {
  const free = Array.from({ length: RUNNERS }, () => beganAt);
  return Array.from({ length: JOBS }, () => {
    const startsAt = Math.min(...free);
    const endsAt = startsAt + drawMs();
    free[free.indexOf(startsAt)] = endsAt;
    return { startsAt, endsAt };
  });
}
