import { pino } from "pino";

import { UpstreamHealth } from "../../src/engine/runcomfy/upstream-health.ts";

/** Health by a clock that stands still, without a chance in it and without a log by default. */
export function createHealth(
  options: Partial<ConstructorParameters<typeof UpstreamHealth>[0]> = {},
): UpstreamHealth {
  const log = pino({ level: "silent" });
  return new UpstreamHealth({
    ...{ now: () => 0, random: () => 1, longestBackOffMs: 8_000, log },
    ...options,
  });
}
