import { CodedError } from "../runtime/coded-error.ts";
import type { Reservation } from "../runtime/memory-budget.ts";

/** An answer with no more than this takes no room; most have less. */
const SMALL_BYTES = 16_384;

/** Bounds the documents that one answer, or one event of a stream, reads and writes out. */
export function createAnswerBudget(mostBytes: number, share: Reservation) {
  let readBytes = 0;
  let chargedBytes = 0;
  let takenBytes = 0;
  let hasEntered = false;

  function add(bytes: number, before: number): number {
    if (before + bytes <= mostBytes) return before + bytes;
    // Where the field is nullable, the other fields are answered all the same.
    throw new CodedError(
      "ANSWER_TOO_LARGE",
      `The inputs, outputs and assets of this answer take more than ${mostBytes / 1_048_576} MiB. Ask for a shorter page (\`first\`), or for this job alone.`,
      { limit: mostBytes },
    );
  }

  /** What is written out was read, so only the larger of the two takes room. */
  function findMissing(): number {
    const neededBytes = Math.max(readBytes, chargedBytes);
    return neededBytes <= SMALL_BYTES ? 0 : Math.max(0, neededBytes - takenBytes);
  }

  function take(): void {
    const missingBytes = findMissing();
    if (missingBytes > 0) share.take(missingBytes);
    takenBytes += missingBytes;
  }

  return {
    /** Counts a document that is about to be read; throws ANSWER_TOO_LARGE. */
    read(bytes: number): void {
      readBytes = add(bytes, readBytes);
    },
    /** Takes room for what is about to be read: waits for it the first time, throws RATE_LIMITED later. */
    async enter(): Promise<void> {
      if (hasEntered) return take();
      hasEntered = true;
      const missingBytes = findMissing();
      if (missingBytes > 0) await share.takeOrWait(missingBytes);
      takenBytes += missingBytes;
    },
    /** Counts a document each time that it is written out; throws either error. */
    charge(bytes: number): void {
      chargedBytes = add(bytes, chargedBytes);
      take();
    },
    /** The answer is made once more, of what was read. */
    recharge(): void {
      chargedBytes = 0;
    },
    /** Gives all room back. */
    leave(): void {
      share.give(takenBytes);
      takenBytes = 0;
    },
  };
}
