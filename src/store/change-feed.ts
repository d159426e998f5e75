import type { Logger } from "pino";

/** Tells this process's watchers of a job to look again. Remembers nothing: the truth is in the database. */
export type ChangeFeed = {
  announce(jobId: string): void;
  /** Returns how to stop hearing of the job. */
  subscribe(jobId: string, wake: () => void): () => void;
};

export function createChangeFeed(log: Logger): ChangeFeed {
  // Listeners are objects of their own, so that one function may listen twice and leave once.
  const listenersByJob = new Map<string, Set<{ readonly wake: () => void }>>();

  return {
    announce(jobId) {
      // A copy: whoever is woken may leave, or be joined by others, while it is gone through.
      for (const { wake } of [...(listenersByJob.get(jobId) ?? [])]) {
        try {
          wake();
        } catch (error) {
          log.error({ err: error, jobId }, "a watcher failed when it was woken; the others go on");
        }
      }
    },

    subscribe(jobId, wake) {
      const listener = { wake };
      const listeners = listenersByJob.get(jobId) ?? new Set();
      listenersByJob.set(jobId, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && listenersByJob.get(jobId) === listeners) {
          listenersByJob.delete(jobId);
        }
      };
    },
  };
}
