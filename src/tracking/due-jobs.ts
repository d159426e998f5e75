import TinyQueue from "tinyqueue";

import type { Looks } from "../job/looks.ts";

/** A followed job. It holds no part of the row that can change, which is read anew at each look. */
export type Followed = {
  readonly jobId: string;
  readonly since: number;
  /** Null for one of which the id is all that is known, until it is looked at. */
  deploymentId: string | null;
  /** By the wall clock; Infinity for a job that is looked at once, for somebody who waits for that. */
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
export type DueJobs = {
  /** Makes a job due then, and no longer when it was. */
  push(followed: Followed, at: number): void;
  /**
   * The one that is due first of those deployments, which stays until it is pushed again or its `dueAt` changes; null when
   * there is none.
   */
  peek(isOpen: (deploymentId: string | null) => boolean): Followed | null;
};

/** Makes one without jobs. */
export function createDueJobs(): DueJobs {
  /** One for each deployment, so that nobody passes over the jobs of one that has to wait. */
  const queues = new Map<string | null, TinyQueue<Due>>();

  return {
    push(followed, at) {
      const { deploymentId } = followed;
      const queue = queues.get(deploymentId) ?? new TinyQueue<Due>([], (a, b) => a.at - b.at);
      queues.set(deploymentId, queue);
      followed.dueAt = at;
      queue.push({ followed, at });
    },
    peek(isOpen) {
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

/** Drops what was made due at another time since, or is looked at or no longer followed. */
function findFirst(queue: TinyQueue<Due>): Due | undefined {
  let due = queue.peek();
  while (due !== undefined && due.followed.dueAt !== due.at) {
    queue.pop();
    due = queue.peek();
  }
  return due;
}
