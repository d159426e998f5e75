import type { IncomingMessage } from "node:http";

import type { BaseLogger } from "pino";

import { clock } from "../../runtime/environment.ts";
import type { UploadService } from "../../engine/files/uploads.ts";
import { hasCome } from "../../engine/files/uploads.ts";
import { CodedError, invalidFile, unavailable } from "../../runtime/coded-error.ts";
import { methodNotAllowed } from "./refuse.ts";
import { NOT_FOUND } from "./serve-files.ts";
import { createTransferSlots } from "./transfer-slots.ts";

/** At once, by a gateway. */
const MAX_UPLOADS = 200;
const MAX_SILENCE_MS = 20_000;
/** A slower client keeps others from uploading. */
const MIN_BYTES_PER_MS = 10;
const PATIENCE_MS = 60_000;

type Receiving = {
  readonly id: string;
  /** Asks for the body, where the client waits for that. */
  readonly begin: () => void;
  /** Gives the body so long from now on to arrive. */
  readonly allow: (patienceMs: number, reason: CodedError) => void;
  /** Ends the connection. */
  readonly cut: (reason: CodedError) => void;
};

/** Makes what takes the bytes of an upload; rejects with why they were refused. */
export function createUploadAnswer({
  uploads,
  log,
}: {
  readonly uploads: UploadService;
  readonly log: Pick<BaseLogger, "warn">;
}) {
  const slots = createTransferSlots(MAX_UPLOADS, BUSY);
  /** The ids of those that come now, or wait. */
  const underWay = new Set<string>();

  return async (request: IncomingMessage, { id, begin, allow, cut }: Receiving): Promise<void> => {
    if (request.method !== "PUT") throw NOT_ALLOWED;
    if (underWay.has(id)) throw BUSY;
    underWay.add(id);
    try {
      const upload = await uploads.find(id);
      if (upload === null) throw NOT_FOUND;
      if (upload.file !== null) throw hasCome();
      if (Number(request.headers["content-length"] ?? upload.bytes) !== upload.bytes)
        throw WRONG_LENGTH;
      // It may have to wait for its slot first.
      allow(MAX_SILENCE_MS, TOO_SLOW);
      const countBytes = () => (request.complete ? null : request.socket.bytesRead);
      await slots.run({ ownerId: upload.ownerId, countBytes, cut: () => cut(BUSY) }, async () => {
        begin();
        await uploads.receive(upload, inTime(request, allow));
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

/** The chunks of a body. It has to come without long pauses and, after a minute, at 10 KB a second. */
async function* inTime(
  request: IncomingMessage,
  allow: (patienceMs: number, reason: CodedError) => void,
): AsyncGenerator<Uint8Array> {
  const beganAt = clock.monotonic();
  let received = 0;
  allow(MAX_SILENCE_MS, TOO_SLOW);
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    received += chunk.length;
    const isSlow = clock.monotonic() - beganAt > PATIENCE_MS + received / MIN_BYTES_PER_MS;
    allow(isSlow ? 0 : MAX_SILENCE_MS, TOO_SLOW);
    yield chunk;
  }
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
