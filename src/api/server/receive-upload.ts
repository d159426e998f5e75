import type { IncomingMessage } from "node:http";

import type { BaseLogger } from "pino";

import type { UploadService } from "../../engine/files/uploads.ts";
import { hasCome } from "../../engine/files/uploads.ts";
import { CodedError, invalidFile, unavailable } from "../../runtime/coded-error.ts";
import type { Semaphore } from "../../runtime/semaphore.ts";
import { methodNotAllowed } from "./refuse.ts";
import { NOT_FOUND } from "./serve-files.ts";

type Receiving = {
  readonly id: string;
  /** Asks for the body, where the client waits for that. */
  readonly begin: () => void;
  /** Lets the body take longer than others, as long as it keeps coming. */
  readonly allowSlowly: (tooSlow: CodedError) => void;
};

/** Makes what takes the bytes of an upload; rejects with why they were refused. */
export function createUploadAnswer({
  uploads,
  slots,
  log,
}: {
  readonly uploads: UploadService;
  readonly slots: Semaphore;
  readonly log: Pick<BaseLogger, "warn">;
}) {
  /** The ids of those that come now, or wait. */
  const underWay = new Set<string>();

  return async (request: IncomingMessage, { id, begin, allowSlowly }: Receiving): Promise<void> => {
    if (request.method !== "PUT") throw NOT_ALLOWED;
    if (underWay.has(id)) throw BUSY;
    underWay.add(id);
    try {
      const upload = await uploads.find(id);
      if (upload === null) throw NOT_FOUND;
      if (upload.file !== null) throw hasCome();
      if (Number(request.headers["content-length"] ?? upload.bytes) !== upload.bytes)
        throw WRONG_LENGTH;
      allowSlowly(TOO_SLOW);
      await slots.run(async () => {
        begin();
        await uploads.receive(upload, request.iterator({ destroyOnReturn: false }));
      });
    } catch (error) {
      if (error instanceof CodedError) throw error;
      if (!request.complete) return; // The client hung up.
      log.warn({ err: error }, "An upload could not be stored. Check where files are.");
      throw AWAY;
    } finally {
      underWay.delete(id);
    }
  };
}

const WRONG_LENGTH = invalidFile(
  "The file does not have the size that was said. Create another upload with its size.",
);
const NOT_ALLOWED = methodNotAllowed(
  "Here the bytes of an upload are taken. Send PUT.",
  "PUT, OPTIONS",
);
const TOO_SLOW = new CodedError(
  "REQUEST_TIMEOUT",
  "The file came too slowly. Send it again over a better connection, or a smaller one.",
);
const BUSY = unavailable("Too many files are being uploaded. Try again in a few seconds.");
const AWAY = unavailable("The file can't be stored at the moment. Try again in a few seconds.");
