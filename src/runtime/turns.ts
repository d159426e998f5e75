/** Runs an act when it is its turn among those of the same name. */
export type InTurn = <Value>(name: string, act: () => Promise<Value>) => Promise<Value>;

type TurnOptions = {
  /** Where `most` wait already, `refuse` makes what the next call rejects with. */
  readonly waiting?: { readonly most: number; readonly refuse: () => Error };
  /** How many acts of all names may run; the names take turns. */
  readonly inAll?: number;
  /** For how long acts of one name may follow each other in one turn of the event loop. */
  readonly sliceMs?: number;
};

/**
 * Lets at most `most` acts of one name run at once, in the order of the calls. The next act begins in a later turn of the
 * event loop, so that everybody else's work goes first. Within a slice it begins at once; after what took more than two
 * slices it rests for as long.
 */
export function createTurns(
  most: number,
  { waiting, inAll = Infinity, sliceMs = 0 }: TurnOptions = {},
): InTurn {
  /** Whose turn is next comes first. */
  const lines = new Map<string, Line>();
  let running = 0;

  function begin(line: Line): void {
    line.running += 1;
    running += 1;
  }

  /** Behind the others, if it is of use. */
  function moveBack(name: string, line: Line): void {
    lines.delete(name);
    if (line.running + line.waiting.length + line.sliceMs > 0) lines.set(name, line);
  }

  function leave(name: string, line: Line): void {
    line.running -= 1;
    running -= 1;
    moveBack(name, line);
    // Without a limit in all, nobody else waits for this.
    for (const one of inAll === Infinity ? [line] : lines.values()) {
      const next = one.running < most ? one.waiting.shift() : undefined;
      if (next === undefined) continue;
      begin(one);
      return next();
    }
  }

  /** Ends an act that began at that time. */
  function end(name: string, line: Line, beganAt: number): void {
    line.sliceMs += performance.now() - beganAt;
    const hasRoom = line.sliceMs < sliceMs;
    if (hasRoom) leave(name, line);
    const endSlice = (): void => {
      line.sliceMs = 0;
      if (hasRoom) moveBack(name, line);
      else leave(name, line);
    };
    // Others need several turns to the end of what they do, as for a database that answers.
    const isLong = sliceMs > 0 && line.sliceMs > 2 * sliceMs;
    if (isLong) setTimeout(endSlice, Math.min(line.sliceMs, MAX_REST_MS));
    else setImmediate(endSlice);
  }

  return async (name, act) => {
    const line = lines.get(name) ?? { running: 0, sliceMs: 0, waiting: [] };
    lines.set(name, line);
    if (line.running < most && running < inAll) {
      begin(line);
    } else {
      if (waiting !== undefined && line.waiting.length >= waiting.most) throw waiting.refuse();
      await new Promise<void>((resolve) => void line.waiting.push(resolve));
    }
    const beganAt = performance.now();
    try {
      return await act();
    } finally {
      end(name, line, beganAt);
    }
  };
}

/** What took longer waited for something. */
const MAX_REST_MS = 100;

/** What owners make the thread do takes some ms of a turn of the event loop for each of them. */
export const SLICE_MS = 5;

/** Turns for what takes CPU alone. */
export function createSlices(): InTurn {
  return createTurns(1, { sliceMs: SLICE_MS });
}

/** Runs an act in its turn, which ends once it calls `leave`, or is over. */
export async function beginInTurn<Value>(
  inTurn: InTurn,
  name: string,
  act: (leave: () => void) => Promise<Value>,
): Promise<Value> {
  const { begun } = await inTurn(name, async () => {
    const { promise: isOver, resolve: leave } = Promise.withResolvers<void>();
    const begun = act(leave);
    // Whoever awaits it hears why.
    await Promise.race([isOver, begun]).catch(() => undefined);
    return { begun };
  });
  return await begun;
}

type Line = {
  running: number;
  /** How long acts have taken in this turn of the event loop. */
  sliceMs: number;
  readonly waiting: (() => void)[];
};
