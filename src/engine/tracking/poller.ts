import { LRUCache } from "lru-cache";

import { isFinished } from "../job/job.ts";
import type { Job } from "../job/job.ts";
import type { Following, Polls } from "../job/polls.ts";
import { conclude, deadlineMs, notePoll, toBackOffMs } from "../job/polls.ts";
import type { JobStore } from "../store/job-store.ts";
import type { ClaimedPoll, EndedPoll } from "../store/polls.ts";
import type { UpstreamHealth } from "../runcomfy/upstream-health.ts";
import type { RunComfy } from "../runcomfy/create-runcomfy.ts";
import type { Loop } from "../../runtime/loop.ts";
import { startLoop } from "../../runtime/loop.ts";
import type { Services } from "./services.ts";
import type { Poll } from "./poll-job.ts";
import { pollJob, PollLog } from "./poll-job.ts";
import { createPollWindow } from "./poll-window.ts";

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

/** Ends a poll, well or not; returns whether that made the first room. */
type Leave = (isBad: boolean) => boolean;

type Dependencies = Pick<
  Services,
  "record" | "pollsAtOnce" | "deadlineSeconds" | "now" | "monotonic" | "random" | "channels" | "log"
> & {
  readonly store: Pick<JobStore, "upstream" | "polls">;
  readonly runcomfy: Pick<RunComfy, "readStatus" | "readResult">;
  readonly health: Pick<UpstreamHealth, "pollDelayMs" | "failingDeployments" | "isOutage">;
  /** How many milliseconds until the next poll of a job that was just polled. */
  readonly schedule: (
    job: Job,
    nowMs: number,
    notifiedForMs: ClaimedPoll["notifiedForMs"],
  ) => Promise<number>;
  /** Notified of an end that a poll found; never rejects. */
  readonly onEnd: (job: Job, notifiedForMs: ClaimedPoll["notifiedForMs"]) => Promise<void>;
};

/**
 * Claims the polls that are due, as many as it has room for, polls, records the news, and puts back when to poll next. So
 * each job is polled until it ends, by one gateway at a time, however many watch it.
 */
export class Poller {
  readonly #given: Dependencies;
  readonly #following: Following;
  readonly #room: ReturnType<typeof createPollWindow>;
  readonly #lines: ReturnType<typeof createQueueLines>;
  readonly #log: PollLog;
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  readonly #ended: EndedPoll[] = [];
  /** When a poll may be due, by `monotonic`. */
  #dueAt = 0;
  #loop: Loop | null = null;

  constructor(dependencies: Dependencies) {
    const { store, pollsAtOnce, deadlineSeconds, monotonic, log } = dependencies;
    this.#given = dependencies;
    this.#following = { upstream: store.upstream, deadlineSeconds };
    this.#room = createPollWindow({ most: pollsAtOnce, monotonic });
    this.#lines = createQueueLines(monotonic);
    this.#log = new PollLog(log);
  }

  start(): void {
    this.#loop = startLoop({
      act: () => this.tick(),
      minRestMs: () => (this.#room.isShort() ? BETWEEN_FULL_TICKS_MS : BETWEEN_TICKS_MS),
      retryMs: LOCAL_FAILURE_DELAY_MS,
      onFailure: (error) => this.#log.noteFailure(error),
    });
  }

  /** Something may be due then. */
  wakeIn(delayMs: number): void {
    this.#dueAt = Math.min(this.#dueAt, this.#given.monotonic() + delayMs);
    this.#loop?.wake();
  }

  /** Aborts the polls under way, and makes them due for other gateways. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#loop?.close();
    await Promise.all(this.#underWay);
    await this.#putBackEnded();
  }

  /** Does what can be done now, and resolves with the milliseconds until there may be more. Never rejects. */
  async tick(): Promise<number> {
    const { health, monotonic } = this.#given;
    try {
      await this.#putBackEnded();
      const delayMs = health.pollDelayMs();
      // Mutant: a pause that nobody keeps
      if (delayMs > 0) return Math.min(delayMs, MAX_SLEEP_MS);
      if (monotonic() >= this.#dueAt) await this.#claimDue();
      this.#log.noteMade("polls");
      return Math.max(0, this.#dueAt - monotonic());
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#log.noteFailure(error);
      return MAX_SLEEP_MS;
    }
  }

  async #putBackEnded(): Promise<void> {
    const polls = this.#ended.splice(0);
    if (polls.length === 0) return;
    // Those that can't be put back come due when their claims end.
    const nextInMs = await this.#given.store.polls.putBack(polls);
    // An upstream webhook may have come during a poll.
    if (nextInMs !== null) this.#dueAt = Math.min(this.#dueAt, this.#given.monotonic() + nextInMs);
  }

  async #claimDue(): Promise<void> {
    const { store, health, now, monotonic, channels } = this.#given;
    const room = this.#room;
    this.#dueAt = monotonic() + MAX_SLEEP_MS;
    for (;;) {
      const limit = room.free();
      // The end of a poll wakes the loop.
      if (limit === 0 || health.pollDelayMs() > 0) return;
      const exceptDeployments = [...health.failingDeployments(), ...room.fullDeployments()];
      const { polls, nextInMs } = await store.polls.claimDue({ limit, exceptDeployments });
      for (const claimed of polls) {
        if (claimed.isTakenOver) channels.takenOver.publish(claimed.job);
        const isOverdue = now() >= deadlineMs(claimed.job, this.#following);
        // What was learned of others says nothing about this job's end.
        const isNotified = claimed.notifiedForMs !== null && claimed.notifiedForMs <= 0;
        const place = isOverdue || isNotified ? null : this.#lines.derivePlace(claimed.job);
        const leave = place === null ? room.enter(claimed.job.deploymentId) : room.enterUnasked();
        this.#startPoll(claimed, place, leave);
      }
      if (polls.length === limit && !this.#closing.signal.aborted) continue;
      if (nextInMs !== null) this.#dueAt = Math.min(this.#dueAt, monotonic() + nextInMs);
      return;
    }
  }

  /** Never rejects. */
  #startPoll(claimed: ClaimedPoll, place: number | null, leave: Leave): void {
    const { poll } = this.#given.channels;
    const { job, traceparent } = claimed;
    const made =
      place === null && poll.hasSubscribers
        ? poll.tracePromise(() => this.#poll(claimed, place), { job, traceparent })
        : this.#poll(claimed, place);
    const polling = made.then(({ isBad, next }) => {
      if (next !== null) this.#ended.push({ jobId: claimed.job.id, token: claimed.token, ...next });
      const hasMadeRoom = leave(isBad);
      this.#underWay.delete(polling);
      // Where one has ended, another may be due.
      this.wakeIn(hasMadeRoom ? 0 : (next?.delayMs ?? 0));
    });
    this.#underWay.add(polling);
  }

  /** Resolves with when to poll next; null when the job has ended. Where its place in the queue is known, nobody is asked. */
  async #poll({ job, polls, notifiedForMs }: ClaimedPoll, place: number | null) {
    const { runcomfy, record, onEnd, now, monotonic, channels } = this.#given;
    const { signal } = this.#closing;
    const startedAt = monotonic();
    try {
      const outcome: Poll =
        place === null
          ? await pollJob(runcomfy, job, { signal, mostMs: POLL_MS })
          : { kind: "seen", observation: { kind: "queued", queuePosition: place } };
      const isBad = outcome.error?.code === "TIMEOUT" || outcome.error?.code === "RATE_LIMITED";
      this.#log.note(job, polls, outcome);
      channels.polled.publish(place === null ? outcome.kind : "derived");
      const noted = notePoll(polls, outcome, monotonic() - startedAt);
      const at = now();
      const observation = conclude(job, noted, outcome, new Date(at), this.#following);
      const current = observation === null ? job : await record(job.id, observation, job);
      if (current !== job) this.#log.noteMade("jobs");
      if (place === null && outcome.kind === "seen" && current !== null)
        this.#lines.note(job, current);
      if (current === null || isFinished(current)) {
        if (current !== null && outcome.kind === "seen") await onEnd(current, notifiedForMs);
        return { isBad, next: null };
      }
      const isDetached = observation?.kind === "not-ours";
      const delayMs = isDetached
        ? null
        : await this.#nextDelayMs(current, noted, outcome, at, notifiedForMs);
      return { isBad, next: { ...noted, delayMs } };
    } catch (error) {
      // One that the stop cut off is another gateway's at once.
      // Mutant: a stop that hands no poll over
      if (signal.aborted) return { isBad: false, next: { ...polls, delayMs: 0 } };
      // Mostly the database, which must not end a job.
      this.#log.noteFailure(error, job.id);
      const noted = notePoll(polls, { kind: "failed" }, monotonic() - startedAt);
      return { isBad: false, next: { ...noted, delayMs: LOCAL_FAILURE_DELAY_MS } };
    }
  }

  async #nextDelayMs(
    job: Job,
    { failures }: Polls,
    outcome: Poll,
    nowMs: number,
    notifiedForMs: ClaimedPoll["notifiedForMs"],
  ): Promise<number> {
    const { health, schedule, random } = this.#given;
    // After an outage all are polled at once, however often they have failed in it.
    if (health.isOutage(job.deploymentId)) return OUTAGE_DELAY_MS;
    const delayMs = Math.max(
      await schedule(job, nowMs, notifiedForMs),
      toBackOffMs(failures, random(), outcome),
    );
    const untilDeadlineMs = deadlineMs(job, this.#following) - nowMs;
    return Math.ceil(Math.min(delayMs, Math.max(untilDeadlineMs, LOCAL_FAILURE_DELAY_MS)));
  }
}

/** What is known of a line is good for so long. */
const FRESH_MS = 15_000;
/** A queued job may have ended otherwise, which only a poll of its own shows. */
const BETWEEN_POLLS_MS = 120_000;
const MAX_LINES = 1_000;
const MAX_JOBS = 100_000;

/**
 * A deployment's queue is first in, first out: when one job has moved up by three places, so have all behind it. So
 * somebody has to poll only those in front, and the places of the others are known by subtraction.
 */
export function createQueueLines(monotonic: () => number) {
  /** By deployment: how far its line has moved since this process first saw it, and when that was last seen. */
  const lines = new LRUCache<string, { moved: number; seenAt: number }>({
    max: MAX_LINES,
    memoMethod: () => ({ moved: 0, seenAt: -Infinity }),
  });
  const places = new LRUCache<string, Place>({ maxSize: MAX_JOBS, sizeCalculation: () => 1 });

  return {
    /** A poll found the job as it now is; `before` is what was known until then. */
    note(before: Job, now: Job): void {
      if (before.status !== "IN_QUEUE") return;
      const line = lines.memo(now.deploymentId);
      const known = places.get(now.id);
      const hasStarted = now.status !== "IN_QUEUE";
      const position = hasStarted ? -1 : now.queuePosition;
      const seenAt = monotonic();
      if (known !== undefined && known.position === before.queuePosition && position !== null) {
        line.moved = Math.max(line.moved, known.moved + known.position - position);
        line.seenAt = seenAt;
      }
      if (position === null || hasStarted) places.delete(now.id);
      else places.set(now.id, { position, moved: line.moved, polledAt: seenAt });
    },
    /** The place of a job with others in front of it, where that needs no poll of the job; else null. */
    derivePlace(job: Job): number | null {
      const known = places.get(job.id);
      const line = lines.get(job.deploymentId);
      if (known === undefined || line === undefined) return null;
      // Another gateway may have stored another place since.
      if (job.status !== "IN_QUEUE" || job.queuePosition !== known.position) return null;
      const now = monotonic();
      // What was seen at the job itself says nothing new.
      if (line.seenAt <= known.polledAt || now - line.seenAt > FRESH_MS) return null;
      if (now - known.polledAt > BETWEEN_POLLS_MS) return null;
      const position = known.position - (line.moved - known.moved);
      if (position < 1) return null;
      places.set(job.id, { ...known, position, moved: line.moved });
      return position;
    },
  };
}

type Place = {
  readonly position: number;
  /** How far the line had moved by then. */
  readonly moved: number;
  /** When the job itself was polled. */
  readonly polledAt: number;
};
