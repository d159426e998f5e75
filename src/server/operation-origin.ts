import type { Viewer } from "../auth/viewer.ts";

/** What an operation comes with, over HTTP or a socket. */
export type OperationOrigin = {
  readonly viewer: Viewer;
  /**
   * Called when the answer becomes a stream, which may outlive the credential; `end` ends it, for when the client has
   * left, which may have been before.
   */
  readonly onStream?: (end: () => void) => void;
  /** Acts, once, when the answer has left or its client has: what an answer takes is given back then. */
  readonly whenOver: (act: () => void) => void;
  /** Acts when what was given to be sent has left; at once where a stream waits for that anyway. */
  readonly whenSent: (act: () => void) => void;
};
