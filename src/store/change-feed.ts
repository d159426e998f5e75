import type { Logger } from "pino";

/** Tells this process's watchers of a topic to look again. Remembers nothing: the truth is in the database. */
export type ChangeFeed = {
  announce(topic: string): void;
  /** Wakes everybody: changes may have been missed, nobody knows of what. */
  announceAll(): void;
  /** Hears of a topic; every 15 s also unasked, since word of a change may be lost. Returns how to stop that. */
  subscribe(topic: string, wake: () => void): () => void;
  /** Nobody is woken any more. */
  close(): void;
};

const REPEAT_MS = 15_000;

// An object of its own for each, so that one function may listen twice and leave once.
type Listener = { readonly wake: () => void };
type Topic = { readonly listeners: Set<Listener>; readonly timer: NodeJS.Timeout };

export function createChangeFeed(log: Logger): ChangeFeed {
  const topics = new Map<string, Topic>();

  function announce(name: string): void {
    // Over a copy: whoever is woken may leave, or be joined by others, while it is gone through.
    for (const { wake } of [...(topics.get(name)?.listeners ?? [])]) {
      try {
        wake();
      } catch (error) {
        log.error(
          { err: error, topic: name },
          "a watcher failed when it was woken; the others go on",
        );
      }
    }
  }

  function open(name: string): Topic {
    // One timer for all who hear of the same, so that they look again together and share what they read.
    const topic = { listeners: new Set<Listener>(), timer: setInterval(announce, REPEAT_MS, name) };
    topics.set(name, topic);
    return topic;
  }

  return {
    announce,

    announceAll() {
      for (const name of [...topics.keys()]) announce(name);
    },

    subscribe(name, wake) {
      const { listeners, timer } = topics.get(name) ?? open(name);
      const listener = { wake };
      listeners.add(listener);
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return;
        clearInterval(timer);
        topics.delete(name);
      };
    },

    close() {
      for (const { timer } of topics.values()) clearInterval(timer);
      topics.clear();
    },
  };
}
