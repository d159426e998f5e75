import { cleanReason } from "../src/runcomfy/clean-reason.ts";
import { HOSTILE_PARTS } from "../test/runcomfy/hostile-reasons.ts";
import type { Figure } from "./figure.ts";
import { toFigure } from "./figure.ts";

const SHORT = 250;
/** As much of a reason as is read. */
const LONG = 1_000;
const ROUNDS = 50;
const TIMES = 5;

/** The texts that take longest to be cleaned; one of four times the length may take sixteen times as long at most. */
export async function measureReasons(): Promise<Figure[]> {
  const slowest = (length: number): number =>
    Math.max(...HOSTILE_PARTS.map((part) => fastest(part.repeat(length).slice(0, length))));
  slowest(SHORT); // Warm.
  const base = toFigure(`a hostile reason of ${SHORT} characters`, slowest(SHORT), "ms");
  return [base, toFigure(`one of ${LONG}`, slowest(LONG), "ms", base)];
}

function fastest(text: string): number {
  const cleanedMs = Array.from({ length: ROUNDS }, () => {
    const startedAt = performance.now();
    for (let times = 0; times < TIMES; times += 1) cleanReason(text);
    return (performance.now() - startedAt) / TIMES;
  });
  return Math.min(...cleanedMs);
}
