/** Runs an act when it is its turn among those of the same name. */
export type InTurn = <Value>(name: string, act: () => Promise<Value>) => Promise<Value>;

/**
 * Lets at most `most` acts of one name run at once, the others in the order of the calls, and those of different names
 * side by side. With `isYielding` the next one begins in a later turn of the event loop, so that everybody else's work
 * goes first. It keeps nothing of a name whose acts have ended.
 */
export function createTurns(options: {
  readonly most: number;
  readonly isYielding: boolean;
}): InTurn {
  const lines = new Map<string, { running: number; readonly waiting: (() => void)[] }>();

  function leave(name: string): void {
    const line = lines.get(name);
    if (line === undefined) return;
    const next = line.waiting.shift();
    if (next !== undefined) return next();
    line.running -= 1;
    if (line.running === 0) lines.delete(name);
  }

  return async (name, act) => {
    const line = lines.get(name) ?? { running: 0, waiting: [] };
    lines.set(name, line);
    if (line.running === options.most) {
      const { promise, resolve } = Promise.withResolvers<void>();
      line.waiting.push(resolve);
      await promise;
    } else {
      line.running += 1;
    }
    try {
      return await act();
    } finally {
      if (options.isYielding) setImmediate(leave, name);
      else leave(name);
    }
  };
}
