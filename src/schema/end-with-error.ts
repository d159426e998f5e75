/**
 * The same values, after a `first` that was taken already; an error that ends them becomes the last one. Were it thrown
 * between two events of a subscription, the whole socket would close with it.
 */
export function endWithError<Value>(
  values: AsyncIterableIterator<Value>,
  options: {
    /** Called when a value is asked for: the one before is done with, and the next may be long in coming. */
    readonly forget: () => void;
    readonly first?: IteratorResult<Value>;
    readonly translate?: (error: unknown) => unknown;
  },
): AsyncIterableIterator<Value | Error> {
  const { forget, translate = (error) => error } = options;
  let ahead = options.first;
  const events: AsyncIterableIterator<Value | Error> = {
    async next() {
      forget();
      try {
        const next = ahead ?? (await values.next());
        ahead = undefined;
        return next;
      } catch (error) {
        return { value: toError(translate(error)), done: false };
      }
    },
    async return() {
      return (await values.return?.()) ?? { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => events,
  };
  return events;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error("watching failed", { cause: error });
}
