import type { Duplex } from "node:stream";

import { TRY_AGAIN_LATER } from "./close-codes.ts";
import { createFrameReader } from "./frame-reader.ts";

const MESSAGE_TOO_BIG = 1009;

/**
 * Closes a WebSocket whose client takes longer than `seconds` for one message, whatever else it sends meanwhile, or that
 * begins one of more than `bytes`; the reasons say the limits. Has to be called before anything has been read.
 */
export function limitMessages(options: {
  readonly connection: Duplex;
  readonly bytes: number;
  readonly seconds: number;
  readonly close: (code: number, reason: string) => void;
}): void {
  const { connection, bytes, seconds, close } = options;
  const frames = createFrameReader();
  let patience: NodeJS.Timeout | null = null;

  // First, because ws would close without a reason.
  connection.prependListener("data", (chunk: Buffer) => {
    const read = frames.read(chunk);
    if (read.largestBytes > bytes)
      close(MESSAGE_TOO_BIG, `A message may have ${bytes / 1_024} KiB. Shorten or split it.`);
    if (read.hasEnded || !read.isUnfinished) stop();
    if (read.isUnfinished) patience ??= setTimeout(giveUp, seconds * 1_000);
  });
  connection.once("close", stop);

  function giveUp(): void {
    close(
      TRY_AGAIN_LATER,
      `A message may take ${seconds} s, and this one took longer. Send it at once.`,
    );
  }

  function stop(): void {
    if (patience !== null) clearTimeout(patience);
    patience = null;
  }
}
