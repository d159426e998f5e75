import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";

import type { BaseLogger } from "pino";

import { isDatabaseFailure } from "../../engine/store/database-error.ts";
import { CodedError, unavailable } from "../../runtime/coded-error.ts";
import { Queue } from "../../runtime/queue.ts";
import { createTransferSlots } from "./transfer-slots.ts";

/** Sent at once by a gateway; each has a stream of the file store open. */
const MAX_READERS = 1_000;

/** Of an owner's files in a turn of the event loop: that many are opened, or that many chunks are sent. */
const MAX_IN_A_TURN = 8;

/** What any page may show, and no page can run. */
export const FILE_HEADERS = {
  "access-control-allow-origin": "*",
  "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
  "cross-origin-resource-policy": "cross-origin",
};

export type FileReaders = ReturnType<typeof createFileReaders>;

/** Limits for everybody who reads files, in whichever way. */
export function createFileReaders(log: Pick<BaseLogger, "warn">) {
  const slots = createTransferSlots(MAX_READERS, BUSY);
  const queue = new Queue({ perKey: MAX_IN_A_TURN });
  const takeTurn = (ownerId: string) => queue.run(ownerId, async () => undefined);

  return {
    headers: FILE_HEADERS,

    /** Runs an answer. A failure rejects with a `CodedError` while that can still be sent, and cuts the connection later. */
    async answer(response: ServerResponse, act: () => Promise<void>): Promise<void> {
      try {
        await act();
      } catch (error) {
        if (response.headersSent) return void response.destroy();
        if (error instanceof CodedError) throw error;
        // Whatever keeps trying has logged that the database fails.
        if (!isDatabaseFailure(error))
          log.warn({ err: error }, "A file could not be read. Check where files are.");
        throw AWAY;
      }
    },

    /** Runs it in a slot of the owner's, and in a turn of theirs. */
    async inSlot(
      response: ServerResponse,
      ownerId: string,
      act: () => Promise<void>,
    ): Promise<void> {
      // What is sent may have to be made first.
      const countBytes = () => (response.headersSent ? response.req.socket.bytesWritten : null);
      await slots.run({ ownerId, countBytes, cut: () => response.destroy() }, async () => {
        await takeTurn(ownerId);
        await act();
      });
    },

    /** Sends what is left of an answer, and ends it. */
    async send(
      response: ServerResponse,
      ownerId: string,
      chunks: AsyncIterable<Uint8Array>,
    ): Promise<void> {
      const inTime = async function* (all: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
        for await (const chunk of all) {
          await takeTurn(ownerId);
          yield chunk;
        }
      };
      await pipeline(chunks, inTime, response);
    },
  };
}

const BUSY = unavailable("Too many files are being read. Try again in a few seconds.");
const AWAY = unavailable("The file can't be read at the moment. Try again in a few seconds.");
