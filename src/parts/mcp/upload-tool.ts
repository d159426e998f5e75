import { Readable } from "node:stream";

import { z } from "zod";

import { InvalidUploadError } from "../../engine/job/errors.ts";
import { toUploadEnd } from "../../engine/files/uploads.ts";
import { createUpload } from "../../engine/use-cases/uploads.ts";
import { createTool, EFFECTS, type GatewayTool, toResult } from "./tool.ts";

const DATA_URI = /^data:([\w.+-]{1,64}\/[\w.+-]{1,64});base64,/;

const CALL_BYTES = 4_096;

/** The tool that takes a file for an input: to be sent later, or with the call. */
export function createUploadTool(mostBodyBytes: number): GatewayTool {
  // In base64, and beside it the rest of the call.
  const mostKib = Math.floor(((mostBodyBytes - CALL_BYTES) * 3) / 4 / 1_024);
  return createTool({
    name: "create_upload",
    scope: "jobs:submit",
    description: `Takes a picture, video or sound for an input, where it is named by the \`reference\` that this returns. Give a file of up to ${mostKib} KiB as \`data_uri\`. For any other, give its \`content_type\` and exact size, then send its bytes to \`put_url\` with the HTTP method PUT.`,
    annotations: EFFECTS.adds,
    arguments: z.strictObject({
      file_name: z.string().default("file"),
      content_type: z.string().optional().describe("Its media type, e.g. image/png."),
      bytes: z.int().optional().describe("Its exact size."),
      data_uri: z.string().optional().describe("The file itself: data:image/png;base64,…"),
    }),
    async call({ file_name: fileName, content_type, bytes, data_uri }, { context }) {
      const sent = data_uri === undefined ? null : readDataUri(data_uri);
      const contentType = sent?.contentType ?? content_type ?? "";
      const size = sent?.bytes.length ?? bytes ?? 0;
      const opened = await createUpload(context, { fileName, contentType, bytes: size });
      const { id, putUrl, createdAt } = opened;
      const facts = { id, reference: `upload:${id}` };
      const expiresAt = toUploadEnd({ createdAt }).toISOString();
      if (sent === null) return toResult({ ...facts, put_url: putUrl, expires_at: expiresAt });
      const { uploads } = context.engine.files;
      const upload = await uploads.find(id);
      if (upload !== null) await uploads.receive(upload, Readable.from([sent.bytes]));
      return toResult({ ...facts, has_come: upload !== null });
    },
  });
}

/** Throws an `InvalidUploadError` for what can't be an upload. */
function readDataUri(uri: string): { readonly contentType: string; readonly bytes: Buffer } {
  const [head, contentType] = DATA_URI.exec(uri.slice(0, 200)) ?? [];
  if (head === undefined || contentType === undefined) {
    const message = "must begin with data:, a media type and ;base64, and then have the file";
    throw new InvalidUploadError([{ path: ["data_uri"], message }]);
  }
  return { contentType, bytes: Buffer.from(uri.slice(head.length), "base64") };
}
