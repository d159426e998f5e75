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

/** `bytes` had been moved `at` the last time when it was fast enough; `pace` is in bytes per ms since the time before. */
type Slot = Transfer & {
  readonly release: Release;
  at: number;
  bytes: number | null;
  pace: number;
};

const SWEEP_MS = 1_000;
const MAX_WAIT_MS = 10_000;
const MIN_BYTES_PER_MS = 1.024;
const MAX_SLOW_MS = 20_000;
const OWNER_PART = 1 / 4;

/**
 * Lets so many transfers go on at once. As many others of an owner wait for up to 10 s, and are then refused. While
 * somebody waits, those give way that have been slower than 1 KiB/s for 20 s, and so do the slowest of each owner who holds
 * more than a quarter of the slots while others wait.
 */
export function createTransferSlots(most: number, busy: CodedError) {
  const queue = new Queue({
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

  function cut(slot: Slot): void {
    slot.cut();
    end(slot);
  }

  function sweep(): void {
    const now = clock.monotonic();
    for (const slot of slots) measure(slot, now);
    for (const slot of slots)
      if (queue.nextKey() !== undefined && now - slot.at >= MAX_SLOW_MS) cut(slot);
    for (const [ownerId, own] of Map.groupBy(slots, (slot) => slot.ownerId)) share(ownerId, own);
  }

  /** Takes from an owner what it holds above its part, while others wait for it. */
  function share(ownerId: string, own: readonly Slot[]): void {
    const ofClients = own.filter(({ bytes }) => bytes !== null);
    for (const slot of ofClients.toSorted((one, other) => one.pace - other.pace)) {
      const next = queue.nextKey();
      const isAboveItsPart = queue.count(ownerId) > most * OWNER_PART;
      if (next === undefined || next === ownerId || !isAboveItsPart) return;
      cut(slot);
    }
  }

  return {
    /** Runs an act in a slot. Rejects with `busy` where none came in time. */
    async run<Value>(transfer: Transfer, act: () => Promise<Value>): Promise<Value> {
      const release = await queue.enter(transfer.ownerId);
      const at = clock.monotonic();
      const slot: Slot = { ...transfer, release, at, bytes: transfer.countBytes(), pace: 0 };
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

function measure(slot: Slot, now: number): void {
  const bytes = slot.countBytes();
  const moved = bytes === null || slot.bytes === null ? Infinity : bytes - slot.bytes;
  slot.pace = moved / (now - slot.at);
  if (slot.pace >= MIN_BYTES_PER_MS) Object.assign(slot, { at: now, bytes });
}
