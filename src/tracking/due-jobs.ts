import TinyQueue from "tinyqueue";

import type { Looks } from "../job/looks.ts";

/** A followed job, without what can change in its row, which each look reads anew. */
export type Followed = {
  readonly jobId: string;
  readonly since: number;
  /** Null until its first look when only its id is known. */
  deploymentId: string | null;
  /** By the wall clock; Infinity for a job that is looked at just once, for somebody who waits for that. */
  deadlineAt: number;
  looks: Looks;
  /** When the next look is due, by `monotonic`; null while one is under way. */
  dueAt: number | null;
  /** The end of the look under way, if there is one. */
  underWay: Promise<void> | null;
  /** Who waits for the end of the next look. */
  waiting: (() => void)[];
};

/** Followed jobs in the order in which they are due. */
export function createDueJobs() {
  /** One for each deployment, so that a deployment that has to wait is passed over at once. */
  const queues = new Map<string | null, TinyQueue<Due>>();

  return {
    /** Makes a job due then, and not when it was before. */
    push(followed: Followed, at: number): void {
      const { deploymentId } = followed;
      const queue = queues.get(deploymentId) ?? new TinyQueue<Due>([], (a, b) => a.at - b.at);
      queues.set(deploymentId, queue);
      followed.dueAt = at;
      queue.push({ followed, at });
    },
    /** The first job that is due of those deployments. It stays until it is pushed again or its `dueAt` changes. */
    peek(isOpen: (deploymentId: string | null) => boolean): Followed | null {
      let first: Due | null = null;
      for (const [deploymentId, queue] of queues) {
        if (!isOpen(deploymentId)) continue;
        const due = findFirst(queue);
        if (due === undefined) queues.delete(deploymentId);
        else if (first === null || due.at < first.at) first = due;
      }
      return first?.followed ?? null;
    },
  };
}

type Due = { readonly followed: Followed; readonly at: number };

/** Drops jobs that are due at another time by now, are being looked at, or are no longer followed. */
function findFirst(queue: TinyQueue<Due>): Due | undefined {
  let due = queue.peek();
  while (due !== undefined && due.followed.dueAt !== due.at) {
    queue.pop();
    due = queue.peek();
  }
  return due;
}
