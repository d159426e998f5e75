/**
 * Remembers one thing: whether to look again. It begins with a reason to, gets more from what `subscribe` hears of, and
 * lets `restMs` pass between two looks. Whoever opens it has to close it.
 */
export function openMailbox(options: {
  readonly subscribe: (wake: () => void) => () => void;
  readonly restMs?: number;
}) {
  const { subscribe, restMs = 0 } = options;
  let hasMail = true;
  let isClosed = false;
  let rest: NodeJS.Timeout | null = null;
  let deliver: (() => void) | null = null;
  const unsubscribe = subscribe(lookAgain);

  function lookAgain(): void {
    hasMail = true;
    if (isReady()) deliver?.();
  }

  function isReady(): boolean {
    return isClosed || (hasMail && rest === null);
  }

  function endRest(): void {
    rest = null;
    if (isReady()) deliver?.();
  }

  return {
    isClosed: () => isClosed,
    close(): void {
      if (rest !== null) clearTimeout(rest);
      unsubscribe();
      isClosed = true;
      deliver?.();
    },
    /** Waits for a reason to look; false once the mailbox is closed. */
    async isWoken(): Promise<boolean> {
      if (!isReady()) {
        const { promise, resolve } = Promise.withResolvers<void>();
        deliver = resolve;
        await promise;
        deliver = null;
      }
      hasMail = false;
      if (restMs > 0 && !isClosed) rest = setTimeout(endRest, restMs);
      return !isClosed;
    },
  };
}
