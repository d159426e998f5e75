import type { Viewer } from "../auth/viewer.ts";
import { clock } from "../runtime/environment.ts";
import type { Services } from "./engine.ts";
import { Reads } from "./reads/reads.ts";

/** Whose operation it is; `whenOver` calls once the answer has left or never will, at once if that is so already. */
export type Origin = { readonly viewer: Viewer; readonly whenOver: (act: () => void) => void };

/** Whom a use case is for, what its operation has read, and the services that do it. */
export type Caller = {
  readonly engine: Services;
  readonly viewer: Viewer;
  readonly reads: Reads;
  readonly origin: Origin;
  /** By the monotonic clock, in milliseconds. */
  readonly beganAt: number;
};

/** The caller of one operation. */
export function createCaller(engine: Services, origin: Origin): Caller {
  const reads = new Reads(engine, origin.viewer);
  return { engine, viewer: origin.viewer, reads, origin, beganAt: clock.monotonic() };
}
