import { LimitError } from "./coded-error.ts";
import type { Release } from "./semaphore.ts";

/** Bounds how many bytes of one thing the process holds for its clients at once. */
export class ByteLimit {
  readonly #message: string;
  readonly #mostBytes: number;
  readonly #onRefused: () => void;
  #bytes = 0;

  /** `problem` is a sentence. */
  constructor(problem: string, mostBytes: number, onRefused: () => void = () => undefined) {
    this.#message = `${problem} Try again in a few seconds.`;
    this.#mostBytes = mostBytes;
    this.#onRefused = onRefused;
  }

  /** Takes bytes until the release is called once; throws RATE_LIMITED, as status 503, where there is no room. */
  take(bytes: number): Release {
    if (this.#bytes + bytes > this.#mostBytes) {
      this.#onRefused();
      throw new LimitError(this.#message, {
        limitName: "unread",
        code: "RATE_LIMITED",
        status: 503,
        retryAfterSeconds: 5,
        limit: this.#mostBytes,
      });
    }
    this.#bytes += bytes;
    return () => {
      this.#bytes -= bytes;
      bytes = 0;
    };
  }
}

export const MAX_HELD_BYTES = 256 * 1_048_576;
export const TOO_MUCH_SENT = "All clients together send too much at once.";
export const TOO_MUCH_UNREAD = "All clients together leave too many answers unread.";
