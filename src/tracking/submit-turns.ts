import type { BaseLogger } from "pino";

import { UpstreamError } from "../job/errors.ts";
import { toDurationText } from "../runtime/amount-text.ts";

export type SubmitTurns = ReturnType<typeof createSubmitTurns>;

/** Whoever has one must end it. */
export type SubmitTurn = {
  /** Resolves when the turn has come, with whether it had to wait. Rejects as `join` throws. */
  readonly begun: Promise<boolean>;
  /** Makes room for the next one; only the first call counts. How long a turn takes is learned from those with a POST. */
  end(isSent?: boolean): void;
};

/** All waiting inputs take no more, as JSON, and one owner's no more than they leave free. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** What a waiting submit takes beside its input. */
const WAITING_BYTES = 1_024;

/** How long a turn is expected to take before one has ended. */
const FIRST_GUESS_MS = 100;
/** The weight of the newest turn in the mean. */
const NEWEST_PART = 0.05;

/**
 * Lets `atOnce` submits go; the others wait for `longestWaitMs` at most. Owners take turns, and each owner's submits keep
 * their order.
 */
export function createSubmitTurns(options: {
  readonly atOnce: number;
  readonly longestWaitMs: number;
  readonly monotonic: () => number;
  readonly log: Pick<BaseLogger, "warn">;
}) {
  const { atOnce, longestWaitMs, monotonic, log } = options;
  /** By owner. The owner who is next comes first, and so does each owner's first submit. */
  const lines = new Map<string, Line>();
  let underWay = 0;
  let waiting = 0;
  let waitingBytes = 0;
  let meanMs = FIRST_GUESS_MS;
  let stopped: Error | null = null;
  let hasTold = false;

  /** How long a new submit of this owner will wait if turns keep their pace. */
  function expectWaitMs(ownerId: string): number {
    const rounds = (lines.get(ownerId)?.ones.size ?? 0) + 1;
    const before = Math.min(waiting, rounds * lines.size);
    return ((before + 1) * meanMs) / atOnce;
  }

  function hasRoom(ownerId: string, bytes: number): boolean {
    const ofOwner = (lines.get(ownerId)?.bytes ?? 0) + bytes;
    return ofOwner <= MAX_WAITING_BYTES - waitingBytes - bytes;
  }

  function refuse(ownerId: string): UpstreamError {
    if (!hasTold) {
      log.warn(
        { underWay, waiting },
        "Jobs are submitted faster than RunComfy takes them, so some are refused with RATE_LIMITED. If RunComfy can take more at once, raise SUBMITS_AT_ONCE.",
      );
    }
    hasTold = true;
    const retryAfterSeconds = Math.max(1, Math.ceil(expectWaitMs(ownerId) / 1_000));
    return new UpstreamError("RATE_LIMITED", {
      message: `Too many jobs are being submitted at the moment, so this one was not sent. Submit it again in ${toDurationText(retryAfterSeconds)}.`,
      retryAfterSeconds,
    });
  }

  function leave(one: Waiting): void {
    const line = lines.get(one.ownerId);
    if (line?.ones.delete(one) !== true) return;
    clearTimeout(one.timer);
    line.bytes -= one.bytes;
    waiting -= 1;
    waitingBytes -= one.bytes;
    if (line.ones.size === 0) lines.delete(one.ownerId);
  }

  function beginNext(): void {
    const [line] = lines.values();
    const [one] = line?.ones ?? [];
    if (line === undefined || one === undefined) {
      if (underWay <= atOnce / 2) hasTold = false;
      return;
    }
    leave(one);
    // Behind the other owners.
    if (lines.delete(one.ownerId)) lines.set(one.ownerId, line);
    one.begin();
  }

  /** Begins a turn, and returns what ends it. */
  function begin(): (isSent?: boolean) => void {
    underWay += 1;
    const beganAt = monotonic();
    let isOver = false;
    return (isSent = false) => {
      if (isOver) return;
      isOver = true;
      underWay -= 1;
      if (isSent) meanMs += (monotonic() - beganAt - meanMs) * NEWEST_PART;
      beginNext();
    };
  }

  function wait(ownerId: string, bytes: number): SubmitTurn {
    const { promise: begun, resolve, reject } = Promise.withResolvers<boolean>();
    // The caller may not be awaiting it yet when it is refused.
    begun.catch(() => undefined);
    let end = (_isSent?: boolean): void => undefined;
    const one: Waiting = {
      ownerId,
      bytes,
      timer: setTimeout(() => {
        leave(one);
        reject(refuse(ownerId));
      }, longestWaitMs),
      begin() {
        end = begin();
        resolve(true);
      },
      refuse: reject,
    };
    const line = lines.get(ownerId) ?? { ones: new Set(), bytes: 0 };
    lines.set(ownerId, line);
    line.ones.add(one);
    line.bytes += bytes;
    waiting += 1;
    waitingBytes += bytes;
    return {
      begun,
      end(isSent) {
        leave(one);
        end(isSent);
      },
    };
  }

  return {
    /**
     * Gets in line. Throws an `UpstreamError` that says when to come back where the turn would come too late, or the
     * owner's inputs would leave too little room for those of others.
     */
    join(ownerId: string, inputBytes: number): SubmitTurn {
      if (stopped !== null) throw stopped;
      if (underWay < atOnce) return { begun: Promise.resolve(false), end: begin() };
      const bytes = inputBytes + WAITING_BYTES;
      if (expectWaitMs(ownerId) > longestWaitMs || !hasRoom(ownerId, bytes)) throw refuse(ownerId);
      return wait(ownerId, bytes);
    },
    /** Refuses everyone who waits or comes, with this error. */
    stop(error: Error): void {
      stopped = error;
      for (const { ones } of lines.values()) {
        for (const one of ones) {
          leave(one);
          one.refuse(error);
        }
      }
    },
  };
}

type Line = { readonly ones: Set<Waiting>; bytes: number };

type Waiting = {
  readonly ownerId: string;
  readonly bytes: number;
  /** Refuses it when it has waited too long. */
  readonly timer: NodeJS.Timeout;
  begin(): void;
  refuse(error: Error): void;
};
