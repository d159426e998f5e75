import type { Logger } from "pino";

/** Tells this process's watchers of a job to look again. Remembers nothing: the truth is in the database. */
export type ChangeFeed = {
  announce(jobId: string): void;
  /** Wakes everybody: changes may have been missed, nobody knows of which jobs. */
  announceAll(): void;
  /** Returns how to stop hearing of the job. */
  subscribe(jobId: string, wake: () => void): () => void;
  /** Hears of every job. Returns how to stop that. */
  subscribeToAll(wake: () => void): () => void;
};

// An object of its own for each, so that one function may listen twice and leave once.
type Listener = { readonly wake: () => void };

export function createChangeFeed(log: Logger): ChangeFeed {
  const listenersByJob = new Map<string, Set<Listener>>();
  const listenersToAll = new Set<Listener>();

  /** Over a copy: whoever is woken may leave, or be joined by others, while it is gone through. */
  function wakeEach(listeners: Iterable<Listener>, jobId: string | null): void {
    for (const { wake } of [...listeners]) {
      try {
        wake();
      } catch (error) {
        log.error({ err: error, jobId }, "a watcher failed when it was woken; the others go on");
      }
    }
  }

  return {
    announce(jobId) {
      wakeEach(listenersByJob.get(jobId) ?? [], jobId);
      wakeEach(listenersToAll, jobId);
    },

    announceAll() {
      for (const [jobId, listeners] of [...listenersByJob]) wakeEach(listeners, jobId);
      wakeEach(listenersToAll, null);
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

    subscribeToAll(wake) {
      const listener = { wake };
      listenersToAll.add(listener);
      return () => {
        listenersToAll.delete(listener);
      };
    },
  };
}
