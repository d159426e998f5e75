import type { BaseLogger } from "pino";

import { isFinished } from "../job/job.ts";
import type { Job } from "../job/job.ts";
import type { Polls } from "../job/poll-outcome.ts";
import { conclude, deadlineMs, notePoll, toBackOffMs } from "../job/poll-outcome.ts";
import type { UpstreamHealth } from "../runcomfy/upstream-health.ts";
import type { RunComfy } from "../runcomfy/runcomfy.ts";
import type { ClaimedPoll, EndedPoll, PollTable } from "../store/job-store.ts";
import { sleepFor } from "../runtime/sleep.ts";
import type { Poll } from "./poll-job.ts";
import { pollJob } from "./poll-job.ts";
import { createPollLog } from "./poll-log.ts";
import { createPollWindow } from "./poll-window.ts";
import { createQueueLines } from "./queue-lines.ts";
import type { RecordObservation } from "./record-observation.ts";

export type Poller = ReturnType<typeof createPoller>;

/** Hears of each poll, with what it told; `derived` where a job's place was known, and RunComfy not asked. */
export type OnPoll = (outcome: Poll["kind"] | "derived") => void;
/** Makes a poll of which RunComfy is asked, within something else. */
export type AroundPoll = <Seen>(claimed: ClaimedPoll, poll: () => Promise<Seen>) => Promise<Seen>;

/** All calls of one poll together; a claim lasts a second longer. */
const POLL_MS = 8_000;

/** What comes due, or ends, within this time shares its statements; less where polls wait for room. */
const BETWEEN_TICKS_MS = 50;
const BETWEEN_FULL_TICKS_MS = 10;

/** How soon a gateway sees what another one has left or made due. */
const MAX_SLEEP_MS = 1_000;

/** How long a job waits when the gateway itself could not poll it or record what it saw. */
const LOCAL_FAILURE_DELAY_MS = 2_000;

/** Nothing is claimed in an outage. */
const OUTAGE_DELAY_MS = 1_000;

/** These have room of their own, because somebody waits for each. */
const MAX_WANTED_AT_ONCE = 16;

/**
 * Claims the polls that are due, as many as it has room for, polls, records the news, and puts back when to poll next. So
 * each job is polled until it ends, by one gateway at a time, however many watch it.
 */
export function createPoller(dependencies: {
  readonly table: PollTable;
  readonly runcomfy: Pick<RunComfy, "readStatus" | "readResult">;
  readonly health: Pick<UpstreamHealth, "pollDelayMs" | "failingDeployments" | "isOutage">;
  readonly record: RecordObservation;
  /** How many milliseconds until the next poll of a job that was just polled. */
  readonly schedule: (job: Job, nowMs: number) => Promise<number>;
  /** How many jobs of its queue probably start within so long. */
  readonly expectStarts: (job: Job, durationMs: number) => Promise<number>;
  /** Nothing more than the poll where it is not given. */
  readonly aroundPoll?: AroundPoll | undefined;
  readonly pollsAtOnce: number;
  readonly upstream: string;
  readonly deadlineSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
  readonly random: () => number;
  readonly onPoll?: OnPoll | undefined;
  readonly log: BaseLogger;
}) {
  const { table, runcomfy, health, record, schedule, expectStarts, pollsAtOnce } = dependencies;
  const { now, monotonic, random, log } = dependencies;
  const { aroundPoll = (_claimed, make) => make() } = dependencies;
  const room = createPollWindow({ most: pollsAtOnce, monotonic });
  const lines = createQueueLines(monotonic);
  const pollLog = createPollLog(log);
  const closing = new AbortController();
  const underWay = new Set<Promise<void>>();
  const ended: EndedPoll[] = [];
  /** Who waits for a poll, by job. */
  const wanted = new Map<string, PromiseWithResolvers<void>>();
  let wantedUnderWay = 0;
  /** When a poll may be due, by `monotonic`. */
  let dueAt = 0;
  let alarm = new AbortController();
  let running: Promise<void> = Promise.resolve();

  /** Something may be due then. */
  function wakeIn(delayMs: number): void {
    dueAt = Math.min(dueAt, monotonic() + delayMs);
    alarm.abort();
  }

  /** Does what can be done now, and resolves with the milliseconds until there may be more. Never rejects. */
  async function tick(): Promise<number> {
    try {
      await putBackEnded();
      const delayMs = health.pollDelayMs();
      if (delayMs > 0) return Math.min(delayMs, MAX_SLEEP_MS);
      await claimWanted();
      if (monotonic() >= dueAt) await claimDue();
      pollLog.noteMade("polls");
      return Math.max(0, dueAt - monotonic());
    } catch (error) {
      if (!closing.signal.aborted) pollLog.noteFailure(error);
      return LOCAL_FAILURE_DELAY_MS;
    }
  }

  async function claimDue(): Promise<void> {
    dueAt = monotonic() + MAX_SLEEP_MS;
    for (;;) {
      const limit = room.free();
      // The end of a poll wakes the loop.
      if (limit === 0 || health.pollDelayMs() > 0) return;
      const exceptDeployments = [...health.failingDeployments(), ...room.fullDeployments()];
      const { polls, nextInMs } = await table.claimDue({ limit, exceptDeployments });
      for (const claimed of polls) {
        const isOverdue = now() >= deadlineMs(claimed.job, dependencies);
        const place = isOverdue ? null : lines.derivePlace(claimed.job);
        const leave = place === null ? room.enter(claimed.job.deploymentId) : room.enterUnasked();
        start(claimed, leave, place);
      }
      if (polls.length === limit && !closing.signal.aborted) continue;
      if (nextInMs !== null) dueAt = Math.min(dueAt, monotonic() + nextInMs);
      return;
    }
  }

  async function claimWanted(): Promise<void> {
    const asked = [...wanted].slice(0, MAX_WANTED_AT_ONCE - wantedUnderWay);
    if (asked.length === 0) return;
    const claimed = await table.claimThese(asked.map(([id]) => id));
    const polls = new Map(claimed.map((poll) => [poll.job.id, poll]));
    for (const [jobId, { resolve }] of asked) {
      // Whoever asked during the claim gets this poll, too: it begins now.
      wanted.delete(jobId);
      const poll = polls.get(jobId);
      if (poll === undefined) {
        resolve();
        continue;
      }
      wantedUnderWay += 1;
      start(poll, () => {
        wantedUnderWay -= 1;
        resolve();
        return false;
      });
    }
  }

  /** Never rejects. */
  function start(
    claimed: ClaimedPoll,
    leave: (isBad: boolean) => boolean,
    place: number | null = null,
  ): void {
    const make = () => poll(claimed, place);
    const made = place === null ? aroundPoll(claimed, make) : make();
    const polling = made.then(({ isBad, next }) => {
      if (next !== null) ended.push({ jobId: claimed.job.id, token: claimed.token, ...next });
      const hasMadeRoom = leave(isBad);
      underWay.delete(polling);
      // Where one has ended, another may be due.
      wakeIn(hasMadeRoom ? 0 : (next?.delayMs ?? 0));
    });
    underWay.add(polling);
  }

  /** Resolves with when to poll next; null when the job has ended. Where its place in the queue is known, nobody is asked. */
  async function poll({ job, polls }: ClaimedPoll, place: number | null) {
    const startedAt = monotonic();
    try {
      const { signal } = closing;
      const outcome =
        place === null
          ? await pollJob(runcomfy, job, { signal, mostMs: POLL_MS, monotonic })
          : toQueued(place);
      const isBad = outcome.error?.code === "TIMEOUT" || outcome.error?.code === "RATE_LIMITED";
      pollLog.note(job, polls, outcome);
      dependencies.onPoll?.(place === null ? outcome.kind : "derived");
      const noted = notePoll(polls, outcome, monotonic() - startedAt);
      const at = now();
      const observation = conclude(job, noted, outcome, new Date(at), dependencies);
      const current = observation === null ? job : await record(job.id, observation, job);
      if (current !== job) pollLog.noteMade("jobs");
      if (place === null && outcome.kind === "seen" && current !== null)
        await followLine(job, current);
      if (current === null || isFinished(current)) return { isBad, next: null };
      const isAway = observation?.kind === "not-ours";
      const delayMs = isAway ? null : await nextDelayMs(current, noted, at);
      return { isBad, next: { ...noted, delayMs } };
    } catch (error) {
      // One that the stop cut off is another gateway's at once.
      if (closing.signal.aborted) return { isBad: false, next: { ...polls, delayMs: 0 } };
      // Mostly the database, which must not end a job.
      pollLog.noteFailure(error, job.id);
      const noted = notePoll(polls, { kind: "failed" }, monotonic() - startedAt);
      return { isBad: false, next: { ...noted, delayMs: LOCAL_FAILURE_DELAY_MS } };
    }
  }

  /** Where one has moved by more than was expected, so have those who wait with it: most find their places without a call. */
  async function followLine(before: Job, now: Job): Promise<void> {
    const { places, inMs } = lines.note(before, now);
    // One step is no surprise, however soon.
    if (places <= 1 || places <= 1 + (await expectStarts(now, inMs))) return;
    if (!lines.mayHurry(now.deploymentId)) return;
    await table.makeQueueDue(now.deploymentId);
    wakeIn(0);
  }

  async function nextDelayMs(job: Job, { failures }: Polls, nowMs: number): Promise<number> {
    // After an outage all are polled at once, however often they have failed in it.
    if (health.isOutage(job.deploymentId)) return OUTAGE_DELAY_MS;
    const delayMs = Math.max(await schedule(job, nowMs), toBackOffMs(failures, random()));
    const untilDeadlineMs = deadlineMs(job, dependencies) - nowMs;
    return Math.ceil(Math.min(delayMs, Math.max(untilDeadlineMs, LOCAL_FAILURE_DELAY_MS)));
  }

  async function putBackEnded(): Promise<void> {
    if (ended.length === 0) return;
    const polls = ended.splice(0);
    // Those that can't be put back come due when their claims end.
    await table.putBack(polls);
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      alarm = new AbortController();
      const waitMs = await tick();
      const shortestMs = room.isShort() ? BETWEEN_FULL_TICKS_MS : BETWEEN_TICKS_MS;
      await sleepFor(shortestMs, closing.signal);
      const restMs = Math.min(waitMs, MAX_SLEEP_MS) - shortestMs;
      if (restMs > 0) await sleepFor(restMs, AbortSignal.any([closing.signal, alarm.signal]));
    }
  }

  return {
    tick,
    start(): void {
      running = run();
    },
    wakeIn,
    /** Polls a job before all others, and resolves when what it saw is recorded. A poll under way does not count. */
    async pollNow(jobId: string): Promise<void> {
      if (closing.signal.aborted) return;
      const asked = wanted.get(jobId) ?? Promise.withResolvers<void>();
      wanted.set(jobId, asked);
      alarm.abort();
      await asked.promise;
    },
    /** Aborts the polls under way, and makes them due for other gateways. */
    async close(): Promise<void> {
      closing.abort();
      await running;
      await Promise.all(underWay);
      for (const { resolve } of wanted.values()) resolve();
      await putBackEnded();
    },
  };
}

function toQueued(queuePosition: number): Poll {
  return { kind: "seen", observation: { kind: "queued", queuePosition } };
}
