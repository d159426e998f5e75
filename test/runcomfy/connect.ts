import { pino } from "pino";

import type { RunComfy } from "../../src/engine/runcomfy/create-runcomfy.ts";
import { createRunComfy } from "../../src/engine/runcomfy/create-runcomfy.ts";
import { RunComfyError } from "../../src/engine/runcomfy/runcomfy-error.ts";
import { createHealth } from "../support/create-health.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";

export const NEVER = new AbortController().signal;
/** All get the time that a busy machine takes. */
export const LIMITS = { signal: NEVER, timeoutMs: 10_000 };

/** Calls the upstream with health and a clock of its own. */
export function connect(
  { url: baseUrl, token }: Pick<FaultyUpstream, "url" | "token">,
  options: Partial<Parameters<typeof createRunComfy>[0]> = {},
): RunComfy {
  const health = createHealth({ now: () => performance.now() });
  const log = pino({ level: "silent" });
  return createRunComfy({ baseUrl, token, submitTimeoutMs: 10_000, health, log, ...options });
}

export async function failureOf(call: Promise<unknown>): Promise<RunComfyError> {
  const outcome = await call.then(
    (value: unknown) => new Error(`It succeeded with ${JSON.stringify(value)}.`),
    (error: unknown) => error,
  );
  if (!(outcome instanceof RunComfyError)) throw outcome;
  return outcome;
}
