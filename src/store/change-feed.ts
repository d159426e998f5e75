const REPEAT_MS = 15_000;

// An object each, so that one function may listen twice and leave once.
type Listener = { readonly wake: () => void };
type Topic = { readonly listeners: Set<Listener>; readonly timer: NodeJS.Timeout };

/** Tells this process's watchers of a topic to look again. */
export function createChangeFeed() {
  const topics = new Map<string, Topic>();

  function announce(name: string): void {
    // Over a copy: listeners may leave and join meanwhile.
    for (const { wake } of [...(topics.get(name)?.listeners ?? [])]) wake();
  }

  function open(name: string): Topic {
    // One timer for all who hear of the same, so that they look again together and share what they read.
    const topic = { listeners: new Set<Listener>(), timer: setInterval(announce, REPEAT_MS, name) };
    topics.set(name, topic);
    return topic;
  }

  return {
    announce,

    /** Wakes everybody, when nobody knows what changed. */
    announceAll(): void {
      for (const name of [...topics.keys()]) announce(name);
    },

    /** Wakes for a topic, and every 15 s since news may be lost. Returns how to stop that. */
    subscribe(name: string, wake: () => void): () => void {
      const { listeners, timer } = topics.get(name) ?? open(name);
      const listener = { wake };
      listeners.add(listener);
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return;
        clearInterval(timer);
        topics.delete(name);
      };
    },

    close(): void {
      for (const { timer } of topics.values()) clearInterval(timer);
      topics.clear();
    },
  };
}
