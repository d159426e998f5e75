import type { Viewer } from "../auth/viewer.ts";
import type { BacklogShare } from "../schema/backlog.ts";

/** What an operation comes with, over HTTP or a socket. */
export type OperationOrigin = {
  readonly viewer: Viewer;
  /**
   * For what waits for the reader of its answer. Closed by whoever opened it, when the answer has left or its client has;
   * what is given back of it before is so once it has left.
   */
  readonly share: BacklogShare;
  /**
   * Called when the answer becomes a stream, which may outlive the credential; `end` ends it, for when the client has
   * left, which may have been before.
   */
  readonly onStream?: (end: () => void) => void;
};
