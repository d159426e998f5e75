import { Repeater } from "graphql-yoga";

type Push<Value> = (value: Value) => Promise<unknown>;
/** Calls `wake` when there may be news, until what it returns is called. */
type Subscribe = (wake: () => void) => () => void;

/**
 * A stream that looks for news once at first, then after each wake-up, resting for `restMs` in between. A wake-up only
 * says "look again", and it listens before it looks: so nothing is missed, and nothing is queued for a slow reader. It
 * starts with the first `next()`; `return()` frees the listener at once.
 */
export function createWatch<Value>(options: {
  readonly subscribe: Subscribe;
  /** Pushes what is new. */
  readonly look: (push: Push<Value>, isLeft: () => boolean) => Promise<void>;
  readonly restMs: number;
}): Repeater<Value> {
  const { subscribe, look, restMs } = options;
  return new Repeater<Value>(async (push, stop) => {
    const mailbox = openMailbox(subscribe);
    let endRest = (): void => undefined;
    const isLeft = stop.then(() => {
      mailbox.close();
      endRest();
    });
    try {
      while (await mailbox.isWoken()) {
        const { promise: rest, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, restMs);
        endRest = () => {
          clearTimeout(timer);
          resolve();
        };
        await look(push, mailbox.isClosed);
        if (mailbox.isClosed()) break;
        await rest;
      }
    } finally {
      endRest();
      stop();
      await isLeft;
    }
  });
}

/** Remembers one thing: whether to look again. At first there is a reason to. */
function openMailbox(subscribe: Subscribe) {
  let hasMail = true;
  let isClosed = false;
  let deliver = (): void => undefined;
  const unsubscribe = subscribe(() => {
    hasMail = true;
    deliver();
  });

  return {
    isClosed: () => isClosed,
    close(): void {
      unsubscribe();
      isClosed = true;
      deliver();
    },
    /** Waits for a reason to look; false once the mailbox is closed. */
    async isWoken(): Promise<boolean> {
      if (!hasMail && !isClosed) await new Promise<void>((resolve) => (deliver = resolve));
      hasMail = false;
      return !isClosed;
    },
  };
}
