/** A file that comes from a client, or goes to one. */
export type Transfer = {
  /** The file's, as its URL names no other. */
  readonly ownerId: string;
  /** How many bytes the client has moved on its connection; null while it waits for the gateway. */
  readonly countBytes: () => number | null;
  /** Ends it, as others need its slot. */
  readonly cut: () => void;
};

/** Gives a slot back; only the first call counts. */
type Release = () => void;
/** `bytes` had been moved `at` the last time when it was fast enough; `pace` is in bytes per ms since the time before. */
type Slot = { readonly transfer: Transfer; at: number; bytes: number | null; pace: number };
type Waiting = {
  readonly transfer: Transfer;
  readonly since: number;
  readonly settle: (release: Release | null) => void;
};
type Owner = { readonly slots: Set<Slot>; readonly line: Waiting[] };

const SWEEP_MS = 1_000;
const PATIENCE_MS = 10_000;
const MIN_BYTES_PER_MS = 1.024;
const MAX_SLOW_MS = 20_000;
const OWNER_PART = 1 / 4;

/**
 * Lets so many transfers go on at once. As many others wait for up to 10 s; whose owner has the fewest slots comes first.
 * While somebody waits, those give way that have been slower than 1 KiB/s for 20 s, and the slowest of each owner who holds
 * more than a quarter of the slots while others wait.
 */
export function createTransferSlots(most: number) {
  const owners = new Map<string, Owner>();
  let total = 0;
  let waiting = 0;
  let sweeping: NodeJS.Timeout | undefined;

  function begin(owner: Owner, transfer: Transfer): Release {
    const slot = { transfer, at: performance.now(), bytes: transfer.countBytes(), pace: 0 };
    owner.slots.add(slot);
    total += 1;
    sweeping ??= setInterval(sweep, SWEEP_MS).unref();
    return () => release(owner, slot);
  }

  function release(owner: Owner, slot: Slot): void {
    if (!owner.slots.delete(slot)) return;
    total -= 1;
    const next = findNext();
    if (next !== undefined) {
      const [one] = next.line;
      if (one !== undefined) leave(next, one, begin(next, one.transfer));
    }
    forget(owner, slot.transfer);
    if (total > 0) return;
    clearInterval(sweeping);
    sweeping = undefined;
  }

  /** The owner whose line moves when there is a slot. */
  function findNext(): Owner | undefined {
    let next: Owner | undefined;
    for (const owner of waiting === 0 ? [] : owners.values())
      if (owner.line.length > 0 && owner.slots.size < (next?.slots.size ?? Infinity)) next = owner;
    return next;
  }

  function leave(owner: Owner, one: Waiting, slot: Release | null): void {
    owner.line.splice(owner.line.indexOf(one), 1);
    waiting -= 1;
    one.settle(slot);
    forget(owner, one.transfer);
  }

  function forget({ slots, line }: Owner, { ownerId }: Transfer): void {
    if (slots.size + line.length === 0) owners.delete(ownerId);
  }

  function cut(owner: Owner, slot: Slot): void {
    slot.transfer.cut();
    release(owner, slot);
  }

  function sweep(): void {
    const now = performance.now();
    for (const owner of owners.values()) {
      for (const slot of owner.slots) measure(slot, now);
      for (const one of owner.line.filter(({ since }) => now - since >= PATIENCE_MS))
        leave(owner, one, null);
    }
    for (const owner of owners.values())
      for (const slot of owner.slots)
        if (waiting > 0 && now - slot.at >= MAX_SLOW_MS) cut(owner, slot);
    for (const owner of owners.values()) share(owner);
  }

  /** Takes from an owner what it holds above its part, while others wait for it. */
  function share(owner: Owner): void {
    const isAboveItsPart = () => owner.slots.size > most * OWNER_PART;
    if (waiting === 0 || !isAboveItsPart()) return;
    const ofClients = [...owner.slots].filter(({ bytes }) => bytes !== null);
    for (const slot of ofClients.toSorted((one, other) => one.pace - other.pace)) {
      const next = findNext();
      if (next === undefined || next === owner || !isAboveItsPart()) return;
      cut(owner, slot);
    }
  }

  return {
    /** Resolves with what gives the slot back; null when none came in time. */
    async take(transfer: Transfer): Promise<Release | null> {
      const owner = owners.get(transfer.ownerId) ?? { slots: new Set(), line: [] };
      owners.set(transfer.ownerId, owner);
      if (total < most) return begin(owner, transfer);
      const { promise, resolve: settle } = Promise.withResolvers<Release | null>();
      owner.line.push({ transfer, since: performance.now(), settle });
      waiting += 1;
      if (waiting > most) refuseOne();
      return await promise;
    },
  };

  /** The last one of the longest line, so that nobody keeps others out of all lines. */
  function refuseOne(): void {
    const [first, ...others] = owners.values();
    if (first === undefined) return;
    const longest = others.reduce(
      (most, one) => (one.line.length > most.line.length ? one : most),
      first,
    );
    const last = longest.line.at(-1);
    if (last !== undefined) leave(longest, last, null);
  }
}

function measure(slot: Slot, now: number): void {
  const bytes = slot.transfer.countBytes();
  const moved = bytes === null || slot.bytes === null ? Infinity : bytes - slot.bytes;
  slot.pace = moved / (now - slot.at);
  if (slot.pace >= MIN_BYTES_PER_MS) Object.assign(slot, { at: now, bytes });
}
