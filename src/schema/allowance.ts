import { answerTooLarge } from "./coded-errors.ts";

/** How much may still be read for an answer, or told in it. */
export type Allowance = {
  readonly takenBytes: number;
  /** Takes a part of it; throws ANSWER_TOO_LARGE where less is left, and takes nothing then. */
  take(bytes: number): void;
};

export function createAllowance(mostBytes: number): Allowance {
  let takenBytes = 0;
  return {
    get takenBytes() {
      return takenBytes;
    },
    take(bytes) {
      if (takenBytes + bytes > mostBytes) throw answerTooLarge(mostBytes);
      takenBytes += bytes;
    },
  };
}
