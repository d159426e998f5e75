type Next<Value> = IteratorResult<Value, undefined>;

/**
 * Values in sequence, for one reader who asks for one at a time and may leave at any time. Unlike
 * an `async function*` it ends at once, also while the reader waits for a value.
 */
export class Stream<Value> implements AsyncIterableIterator<Value, undefined> {
  readonly #pull: () => Promise<Next<Value>>;
  readonly #release: () => void;
  #ahead: Promise<Next<Value>> | null = null;
  #isOver = false;

  /** `release` is called once, at the end; what `pull` has promised must come then, as `OVER` where there is no more. */
  constructor(pull: () => Promise<Next<Value>>, release: () => void) {
    this.#pull = pull;
    this.#release = release;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  next(): Promise<Next<Value>> {
    const ahead = this.#ahead;
    this.#ahead = null;
    return ahead ?? (this.#isOver ? Promise.resolve(OVER) : this.#pull());
  }

  /** Waits for the next value, which `next()` still gives. Rejects as that does. */
  async peek(): Promise<void> {
    this.#ahead ??= this.next();
    await this.#ahead;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#release();
  }

  /** Called where a loop is left. */
  async return(): Promise<typeof OVER> {
    this.end();
    return OVER;
  }

  /** What `step` makes of each value, without what it makes undefined. The two streams end together. */
  map<To>(step: (value: Value) => To | void | Promise<To | void>): Stream<To> {
    const pull = async (): Promise<Next<To>> => {
      for (;;) {
        const next = await this.next();
        if (next.done === true) return OVER;
        const made = step(next.value);
        // Without a turn of the microtasks for what is made at once: thousands of streams get a value together.
        const value = made instanceof Promise ? await made : made;
        if (value !== undefined) return { value, done: false };
      }
    };
    return new Stream(pull, () => this.end());
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** What a stream gives once it is over. */
export const OVER: IteratorReturnResult<undefined> = { value: undefined, done: true };
