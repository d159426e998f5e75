import { LRUCache } from "lru-cache";

import type { Job } from "../job/job.ts";

export type QueueLines = ReturnType<typeof createQueueLines>;

/** What is known of a line is good for so long. */
const FRESH_MS = 15_000;
/** A job that waits may have ended otherwise, which only a poll of itself tells. */
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
  const places = new LRUCache<string, Place>({ max: MAX_JOBS });

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
      // Another gateway may have told another place since.
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
  /** How far the line had moved when that was told. */
  readonly moved: number;
  /** When the job itself was polled. */
  readonly polledAt: number;
};
