import { z } from "zod";

/** What of a body decides how long a run takes and what it gives; sizes in pixels. */
export type RunInput = z.infer<typeof RUN_INPUT>;

/** Reads any JSON object: what it lacks gets a default, and what is beyond a bound the bound. */
export const RUN_INPUT = z.object({
  prompt: z.string().catch(""),
  seed: z.number().catch(42),
  width: toBounded(64, 4_096, 1_024),
  height: toBounded(64, 4_096, 1_024),
  sample_steps: toBounded(1, 150, 25),
  num_frames: toBounded(1, 1_000, 1),
  fps: toBounded(1, 120, 16),
  resolution: z.string().optional().catch(undefined),
});

function toBounded(minimum: number, maximum: number, fallback: number) {
  return z
    .number()
    .catch(fallback)
    .transform((value) => Math.floor(Math.min(Math.max(value, minimum), maximum)));
}
