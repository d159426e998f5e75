import type { Viewer } from "../auth/viewer.ts";
import { clock } from "../runtime/environment.ts";
import type { Reservation } from "../runtime/memory-budget.ts";
import type { Services } from "./engine.ts";
import { Reads } from "./reads/reads.ts";

/** Whose operation it is, and the memory of its answer. */
export type Origin = { readonly viewer: Viewer; readonly share: Reservation };

/** Whom a use case is for, what its operation has read, and the services that do it. */
export type Caller = {
  readonly engine: Services;
  readonly viewer: Viewer;
  readonly reads: Reads;
  readonly origin: Origin;
  /** By the monotonic clock, in milliseconds. */
  readonly beganAt: number;
};

/** The caller of one operation. The opener of the origin's `share` closes it once the answer has left or never will. */
export function createCaller(engine: Services, origin: Origin): Caller {
  const reads = new Reads(engine, origin.viewer);
  return { engine, viewer: origin.viewer, reads, origin, beganAt: clock.monotonic() };
}
