import type { BacklogShare } from "./backlog.ts";
import { answerTooLarge } from "./coded-errors.ts";

/** What an answer may take without being counted: the answers of most operations are no larger. */
const SMALL_BYTES = 16_384;

/** How much one answer, or one event of a stream, reads and tells of jobs' documents. */
export type AnswerRoom = {
  /** Counts a document that is to be read; throws ANSWER_TOO_LARGE where it is too much for one answer. */
  read(bytes: number): void;
  /** Takes room for what is to be read: the first time it waits for it, later it throws RATE_LIMITED without it. */
  enter(): Promise<void>;
  /** Counts a document that is told, as often as it is, and takes room for it; throws either error. */
  tell(bytes: number): void;
  /** Gives all room back. */
  leave(): void;
};

export function createAnswerRoom(mostBytes: number, share: BacklogShare): AnswerRoom {
  let readBytes = 0;
  let toldBytes = 0;
  let takenBytes = 0;
  let hasEntered = false;

  function add(bytes: number, before: number): number {
    if (before + bytes > mostBytes) throw answerTooLarge(mostBytes);
    return before + bytes;
  }

  /** What is told was read, so that only the larger of the two takes room. */
  function findMissing(): number {
    const neededBytes = Math.max(readBytes, toldBytes);
    return neededBytes <= SMALL_BYTES ? 0 : Math.max(0, neededBytes - takenBytes);
  }

  function takeMissing(): void {
    const missingBytes = findMissing();
    if (missingBytes > 0) share.take(missingBytes);
    takenBytes += missingBytes;
  }

  return {
    read(bytes) {
      readBytes = add(bytes, readBytes);
    },
    async enter() {
      if (hasEntered) return takeMissing();
      hasEntered = true;
      const missingBytes = findMissing();
      if (missingBytes > 0) await share.takeInTurn(missingBytes);
      takenBytes += missingBytes;
    },
    tell(bytes) {
      toldBytes = add(bytes, toldBytes);
      takeMissing();
    },
    leave() {
      share.give(takenBytes);
      takenBytes = 0;
    },
  };
}
