import type { Logger } from "pino";

/** Tells this process's watchers of a topic to look again. */
export type ChangeFeed = {
  announce(topic: string): void;
  /** Wakes everybody, when nobody knows what changed. */
  announceAll(): void;
  /** Wakes for a topic, and every 15 s since news may be lost. Returns how to stop that. */
  subscribe(topic: string, wake: () => void): () => void;
  close(): void;
};

/** How often each topic is looked at again, and in how many turns: the topics of one turn share their statements. */
const REPEAT_MS = 15_000;
const TURNS = 15;

// An object each, so that one function may listen twice and leave once.
type Listener = { readonly wake: () => void };

export function createChangeFeed(log: Logger): ChangeFeed {
  const topics = new Map<string, Set<Listener>>();
  const turns = Array.from({ length: TURNS }, () => new Set<string>());
  let opened = 0;
  let next = 0;
  let timer: NodeJS.Timeout | undefined;

  function announce(name: string): void {
    // Over a copy: listeners may leave and join meanwhile.
    for (const { wake } of [...(topics.get(name) ?? [])]) {
      try {
        wake();
      } catch (error) {
        log.error({ err: error, topic: name }, "A watcher failed when it was woken.");
      }
    }
  }

  /** All topics of one turn, in one turn of the event loop. */
  function repeat(): void {
    for (const name of [...(turns[next] ?? [])]) announce(name);
    next = (next + 1) % TURNS;
  }

  function open(name: string): Set<Listener> {
    const listeners = new Set<Listener>();
    topics.set(name, listeners);
    turns[opened++ % TURNS]?.add(name);
    timer ??= setInterval(repeat, REPEAT_MS / TURNS);
    return listeners;
  }

  function close(name: string): void {
    topics.delete(name);
    for (const turn of turns) turn.delete(name);
    if (topics.size === 0) stop();
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
  }

  return {
    announce,

    announceAll() {
      for (const name of [...topics.keys()]) announce(name);
    },

    subscribe(name, wake) {
      const listeners = topics.get(name) ?? open(name);
      const listener = { wake };
      listeners.add(listener);
      return () => {
        if (listeners.delete(listener) && listeners.size === 0) close(name);
      };
    },

    close() {
      stop();
      topics.clear();
    },
  };
}
