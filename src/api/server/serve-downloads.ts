import type { IncomingMessage, ServerResponse } from "node:http";

import type { Channels } from "../../engine/diagnostics/channels.ts";
import { type DownloadService, toDay } from "../../engine/files/downloads.ts";
import { clock } from "../../runtime/environment.ts";
import { publishRefusal } from "../schema/submit.ts";
import { FILE_HEADERS, type FileReaders } from "./file-readers.ts";
import { methodNotAllowed } from "./refuse.ts";
import { NOT_FOUND } from "./serve-files.ts";
import { whenOver } from "./when-over.ts";

/** Makes what answers with a ZIP, whose URL is signed; rejects where there is nothing to send. */
export function createDownloadAnswer({
  downloads,
  readers,
  channels,
}: {
  readonly downloads: Pick<DownloadService, "claim">;
  readonly readers: FileReaders;
  readonly channels: Channels;
}) {
  return async (request: IncomingMessage, response: ServerResponse, id: string): Promise<void> => {
    if (request.method !== "GET") throw NOT_ALLOWED;
    await readers.answer(response, async () => {
      await using claim = await publishRefusal(channels, downloads.claim(id));
      if (claim === null) throw NOT_FOUND;
      const { ownerId } = claim;
      await readers.inSlot(response, ownerId, async () => {
        const over = new AbortController();
        whenOver(response, () => over.abort());
        const chunks = await claim.read(over.signal);
        response.writeHead(200, {
          ...FILE_HEADERS,
          "content-type": "application/zip",
          "content-disposition": `attachment; filename="runcomfy-${toDay(new Date(clock.now()))}.zip"`,
        });
        // How long it will be is not known, so where it ends early, that its end is missing tells so.
        await readers.send(response, ownerId, chunks);
      });
    });
  };
}

const NOT_ALLOWED = methodNotAllowed("A download can only be read. Send GET.", "GET");
