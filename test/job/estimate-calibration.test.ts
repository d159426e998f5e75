import { expect, test } from "vitest";

import { calibrate } from "./calibrate.ts";
import { DISTRIBUTIONS } from "./distributions.ts";

test.each(
  DISTRIBUTIONS.flatMap((one) => [
    { ...one, part: 0 },
    { ...one, part: 0.5 },
  ]),
)(
  "$name, judged at $part of a job's life: 85 to 95 of 100 end in time, and the median is nearly as good as can be",
  ({ draw, part }) => {
    const { inTime, ours, known } = calibrate(draw, part);
    expect(inTime).toBeGreaterThanOrEqual(0.85);
    expect(inTime).toBeLessThanOrEqual(0.95);
    expect(ours).toBeLessThanOrEqual(1.2 * known);
  },
);
