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
  /** The one that is due first, which stays; null when there is none. */
  peek(): Followed | null;
  pop(): void;
};

/** Makes one without jobs. */
export function createDueJobs(): DueJobs {
  const queue = new TinyQueue<Due>([], (a, b) => a.at - b.at);

  return {
    push(followed, at) {
      followed.dueAt = at;
      queue.push({ followed, at });
    },
    peek() {
      for (let due = queue.peek(); due !== undefined; due = queue.peek()) {
        if (due.followed.dueAt === due.at) return due.followed;
        // It was made due earlier in the meantime, or is no longer followed.
        queue.pop();
      }
      return null;
    },
    pop: () => void queue.pop(),
  };
}

type Due = { readonly followed: Followed; readonly at: number };
