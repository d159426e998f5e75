import { Repeater } from "graphql-yoga";

type Push<Value> = (value: Value) => Promise<unknown>;

/**
 * A stream that looks for news once at first, then after each wake-up, resting for `restMs` in between. A wake-up only
 * says "look again", and it listens before it looks: so nothing is missed, and nothing is queued for a slow reader. It
 * starts with the first `next()`; `return()` frees the listener at once.
 */
export function createWatch<Value>(options: {
  readonly subscribe: (wake: () => void) => () => void;
  /** Pushes what is new; resolves with false when the stream is over. */
  readonly look: (push: Push<Value>, isLeft: () => boolean) => Promise<boolean>;
  readonly restMs?: number;
}): Repeater<Value> {
  const { look, ...mail } = options;
  return new Repeater<Value>(async (push, stop) => {
    const mailbox = openMailbox(mail);
    const isLeft = stop.then(mailbox.close);
    try {
      while ((await mailbox.isWoken()) && (await look(push, mailbox.isClosed)));
    } finally {
      stop();
      await isLeft;
    }
  });
}

/** Remembers one thing: whether to look again. */
function openMailbox({
  subscribe,
  restMs = 0,
}: {
  readonly subscribe: (wake: () => void) => () => void;
  readonly restMs?: number;
}) {
  let hasMail = true;
  let isClosed = false;
  let rest: NodeJS.Timeout | undefined;
  let deliver = (): void => undefined;
  const isReady = () => isClosed || (hasMail && rest === undefined);
  const unsubscribe = subscribe(() => {
    hasMail = true;
    if (isReady()) deliver();
  });

  function endRest(): void {
    rest = undefined;
    if (isReady()) deliver();
  }

  return {
    isClosed: () => isClosed,
    close(): void {
      clearTimeout(rest);
      unsubscribe();
      isClosed = true;
      deliver();
    },
    /** Waits for a reason to look; false once the mailbox is closed. */
    async isWoken(): Promise<boolean> {
      if (!isReady()) {
        const { promise, resolve } = Promise.withResolvers<void>();
        deliver = resolve;
        await promise;
      }
      hasMail = false;
      if (restMs > 0 && !isClosed) rest = setTimeout(endRest, restMs);
      return !isClosed;
    },
  };
}
