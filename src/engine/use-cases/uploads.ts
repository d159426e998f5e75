import { requireScopes } from "../../auth/viewer.ts";
import type { Caller } from "../caller.ts";
import { publishRefusal } from "../diagnostics/channels.ts";
import type { NewUpload, OpenUpload } from "../files/uploads.ts";
import { isIdentifier } from "../job/job.ts";
import type { Upload } from "../store/upload-rows.ts";

/** Opens an upload for the viewer. Rejects with an `InvalidUploadError` or a `LimitError`. */
export async function createUpload(
  { engine, viewer }: Caller,
  given: NewUpload,
): Promise<OpenUpload> {
  requireScopes(viewer, "jobs:submit");
  const { files, channels } = engine;
  return await publishRefusal(channels, files.uploads.createUpload(given, viewer));
}

/** An upload of the viewer's, or of a job that the viewer may approve; null if there is none. */
export async function findUpload({ viewer, reads }: Caller, id: string): Promise<Upload | null> {
  requireScopes(viewer, "jobs:read");
  return isIdentifier(id) ? await reads.uploads.load(id) : null;
}
