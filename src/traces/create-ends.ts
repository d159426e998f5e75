import type { Attributes, Tracer } from "@opentelemetry/api";
import { LRUCache } from "lru-cache";

import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import { Stream } from "../runtime/stream.ts";
import type { Jobs } from "../store/job-store.ts";
import { fromTraceparent } from "./traceparent.ts";

/** An end that is older is told to somebody who came late. */
const RECENT_MS = 60_000;
/** Ends that are known to have been told. */
const MAX_TOLD = 10_000;

/** Makes a span of something about a job that began then and ends now, in the trace that the job is kept with. */
export type NoteEnd = (name: string, job: Job, startTime: number) => Promise<void>;

/** The one that is made never rejects. */
export function createNoteEnd(tracer: Tracer, jobs: Pick<Jobs, "readTraceparent">): NoteEnd {
  return async (name, job, startTime) => {
    const endTime = Date.now();
    // While the database is away, the trace goes without it.
    const traceparent = await jobs.readTraceparent(job.id).catch(() => null);
    if (traceparent === null) return;
    const options = { startTime, attributes: toAttributes(job) };
    tracer.startSpan(name, options, fromTraceparent(traceparent)).end(endTime);
  };
}

/**
 * Watches events for ends that they tell. The first on this gateway that tells a job's end is a span, until it has been
 * sent: one, however many watch.
 */
export function createEndWatch(noteEnd: NoteEnd) {
  const told = new LRUCache<string, true>({ max: MAX_TOLD });

  /** The same events. */
  return <Event>(events: Stream<Event>, toJob: (event: Event) => Job | null): Stream<Event> => {
    let noteSent = (): void => undefined;
    return new Stream(
      async () => {
        // Whoever asks for an event has sent the one before; whoever leaves may not have.
        noteSent();
        noteSent = () => undefined;
        const next = await events.next();
        const job = next.done === true ? null : toJob(next.value);
        const now = Date.now();
        const isNews =
          job !== null &&
          isFinished(job) &&
          now - job.updatedAt.getTime() < RECENT_MS &&
          !told.has(job.id);
        if (isNews)
          noteSent = () => {
            if (!told.has(job.id)) void noteEnd("event", job, now);
            told.set(job.id, true);
          };
        return next;
      },
      () => events.end(),
    );
  };
}

export function toAttributes({ id, deploymentId, status }: Job): Attributes {
  return {
    "runcomfy.job.id": id,
    "runcomfy.job.status": status,
    "runcomfy.deployment.id": deploymentId,
  };
}
