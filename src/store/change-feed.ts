/** Each topic is read again so often, in one of so many turns: the topics of one turn share their statements. */
const REPEAT_MS = 15_000;
const TURNS = 15;
const EARLIEST_TURN = 7;

/** Who listens to a topic, and the turn in which it is read again. */
type Topic = { readonly turn: number; readonly listeners: Set<Listener> };
// An object each, so that one function may listen twice and leave once.
type Listener = { readonly wake: () => void };

/** Tells this process's watchers of a topic to read again. */
export function createChangeFeed() {
  const topics = new Map<string, Topic>();
  let opened = 0;
  let next = 0;
  let timer: NodeJS.Timeout | undefined;

  function announce(name: string): void {
    // Over a copy: listeners may leave and join meanwhile.
    for (const { wake } of [...(topics.get(name)?.listeners ?? [])]) wake();
  }

  function repeat(): void {
    for (const [name, { turn }] of [...topics]) if (turn === next) announce(name);
    next = (next + 1) % TURNS;
  }

  function open(name: string): Topic {
    // Not the next turns: whoever subscribes has just read.
    const turn = (next + EARLIEST_TURN + (opened++ % (TURNS - EARLIEST_TURN))) % TURNS;
    const topic = { turn, listeners: new Set<Listener>() };
    topics.set(name, topic);
    timer ??= setInterval(repeat, REPEAT_MS / TURNS);
    return topic;
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
  }

  return {
    announce,

    /** Wakes everybody, when nobody knows what changed. */
    announceAll(): void {
      for (const name of [...topics.keys()]) announce(name);
    },

    /** Wakes for a topic, and every 15 s since news may be lost. Returns how to stop that. */
    subscribe(name: string, wake: () => void): () => void {
      const { listeners } = topics.get(name) ?? open(name);
      const listener = { wake };
      listeners.add(listener);
      return () => {
        if (listeners.delete(listener) && listeners.size === 0) topics.delete(name);
        if (topics.size === 0) stop();
      };
    },

    close(): void {
      stop();
      topics.clear();
    },
  };
}
