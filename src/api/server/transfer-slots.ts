import { clock } from "../../runtime/environment.ts";
import type { Release } from "../../runtime/queue.ts";
import { Queue } from "../../runtime/queue.ts";
import type { CodedError } from "../../runtime/coded-error.ts";

/** A file that comes from a client, or goes to one. */
export type Transfer = {
  /** The file's, as its URL names no other. */
  readonly ownerId: string;
  /** How many bytes the client has moved on its connection; null while it waits for the gateway. */
  readonly countBytes: () => number | null;
  /** Ends it, as others need its slot. */
  readonly cut: () => void;
};

/** `bytes` had been moved `at` the last time when it was fast enough. */
type Slot = Transfer & { readonly release: Release; at: number; bytes: number | null };

const SWEEP_MS = 1_000;
const MAX_WAIT_MS = 10_000;
const MIN_BYTES_PER_MS = 1.024;
const MAX_SLOW_MS = 20_000;

/**
 * Lets so many transfers go on at once, and of an owner as many as it leaves free. As many others wait for up to 10 s, and
 * are then refused. While somebody waits, those give way that have been slower than 1 KiB/s for 20 s.
 */
export function createTransferSlots(most: number, busy: CodedError) {
  const queue = new Queue({
    perKey: (free) => free,
    total: most,
    sliceMs: Infinity,
    maxWaiting: 2 * most,
    maxWaitMs: MAX_WAIT_MS,
    refuse: () => busy,
  });
  const slots = new Set<Slot>();
  let stopSweeping: (() => void) | undefined;

  function end(slot: Slot): void {
    slot.release();
    slots.delete(slot);
    if (slots.size > 0) return;
    stopSweeping?.();
    stopSweeping = undefined;
  }

  function sweep(): void {
    const now = clock.monotonic();
    for (const slot of slots) {
      const bytes = slot.countBytes();
      const moved = bytes === null || slot.bytes === null ? Infinity : bytes - slot.bytes;
      if (moved / (now - slot.at) >= MIN_BYTES_PER_MS) Object.assign(slot, { at: now, bytes });
      else if (queue.hasWaiting() && now - slot.at >= MAX_SLOW_MS) {
        slot.cut();
        end(slot);
      }
    }
  }

  return {
    /** Runs an act in a slot. Rejects with `busy` where none came in time. */
    async run<Value>(transfer: Transfer, act: () => Promise<Value>): Promise<Value> {
      const release = await queue.enter(transfer.ownerId);
      const at = clock.monotonic();
      const slot: Slot = { ...transfer, release, at, bytes: transfer.countBytes() };
      slots.add(slot);
      stopSweeping ??= clock.repeat(sweep, SWEEP_MS);
      try {
        return await act();
      } finally {
        end(slot);
      }
    },
  };
}
