import { clock } from "./environment.ts";

/**
 * What a process has opened. Closes in reverse order and tries all; of what fails, it rejects as an
 * `AsyncDisposableStack`.
 */
export class Opened {
  readonly #stack = new AsyncDisposableStack();
  #patienceMs = 0;
  #hangUp = (): void => undefined;

  keep<One extends { close(): Promise<void> | void }>(one: One): One {
    return this.#stack.adopt(one, () => one.close());
  }

  /** Calls `hangUp` where closing takes longer, so that nothing waits for an answer of this connection any longer. */
  hangUpAfter(patienceMs: number, hangUp: () => void): void {
    this.#patienceMs = patienceMs;
    this.#hangUp = hangUp;
  }

  async close(): Promise<void> {
    const stopTimer = clock.setTimer(this.#hangUp, this.#patienceMs);
    await this.#stack.disposeAsync().finally(stopTimer);
  }
}
