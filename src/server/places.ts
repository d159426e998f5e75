import type { OwnerLimits, Viewer } from "../auth/viewer.ts";
import { LimitError } from "../job/errors.ts";

const RETRY_AFTER_SECONDS = 5;

/** How many of one thing may be there at once, in all and of each owner. */
export type Places = {
  /** Takes a place; what it returns gives it back, once. Throws a `LimitError`. */
  take(viewer: Viewer): () => void;
  /** What everybody is told while none is left; null while one is. */
  findFull(): LimitError | null;
};

/** `what` is the plural that the errors say. */
export function createPlaces(options: {
  readonly what: keyof Pick<OwnerLimits, "sockets" | "subscriptions">;
  readonly most: number;
}): Places {
  const { what, most } = options;
  const taken = new Map<string, number>();
  let total = 0;

  function leave(ownerId: string): void {
    const left = (taken.get(ownerId) ?? 0) - 1;
    total -= 1;
    // So that it holds no owner who has left.
    if (left > 0) taken.set(ownerId, left);
    else taken.delete(ownerId);
  }

  function findFull(): LimitError | null {
    if (total < most) return null;
    return full(`All ${most} ${what} of this gateway are taken. Try again later`, most);
  }

  return {
    findFull,
    take({ ownerId, limits: { [what]: ownMost } }) {
      const own = taken.get(ownerId) ?? 0;
      if (ownMost !== null && own >= ownMost)
        throw full(`You have ${ownMost} ${what} open, which is the limit. Close one`, ownMost);
      const noneLeft = findFull();
      if (noneLeft !== null) throw noneLeft;
      taken.set(ownerId, own + 1);
      total += 1;
      let isTaken = true;
      return () => {
        if (isTaken) leave(ownerId);
        isTaken = false;
      };
    },
  };
}

function full(reason: string, limit: number): LimitError {
  return new LimitError(`${reason}, or contact support.`, {
    code: "QUOTA_EXCEEDED",
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    limit,
  });
}
