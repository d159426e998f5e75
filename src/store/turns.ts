/**
 * Makes what runs acts of one name one after the other, in the order of the calls, and those of different names side by
 * side. It keeps nothing of a name whose acts have ended.
 */
export function createTurns(): <Value>(name: string, act: () => Promise<Value>) => Promise<Value> {
  /** The end of each name's last act. */
  const ends = new Map<string, Promise<void>>();

  return async (name, act) => {
    const before = ends.get(name);
    const { promise: end, resolve } = Promise.withResolvers<void>();
    ends.set(name, end);
    try {
      await before;
      return await act();
    } finally {
      resolve();
      if (ends.get(name) === end) ends.delete(name);
    }
  };
}
