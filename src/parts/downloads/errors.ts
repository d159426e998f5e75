import { ExpectedError } from "../../engine/job/errors.ts";

/** More was asked for than one download may have. */
export class DownloadTooLargeError extends ExpectedError {
  constructor(most: { readonly jobs: number; readonly files: number; readonly bytes: number }) {
    super(
      `A download has at most ${most.jobs} jobs, and ${most.files} files of ${most.bytes / 1e9} GB in all. Choose fewer jobs, and download the others after them.`,
    );
  }
}
