import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import type { ChildProgram } from "./child-program.ts";
import { startGatewayProgram } from "./child-program.ts";
import { DEPLOYMENT_ID } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { median, toFigure } from "./figure.ts";
import { submitJob } from "./submit-job.ts";
import { openWatchers } from "./watchers.ts";
import { within } from "./within.ts";

const ROUNDS = 3;
const COUNTS = [1, 100, 5_000] as const;

/**
 * From the upstream's answer that tells a change to the last watcher that has it, the write to disk between them
 * included; each watcher has a socket of its own. The watchers and the upstream live in this process, so that one clock
 * measures both ends.
 */
export async function measureWatchers(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  await using gateway = await startGatewayProgram(upstream, {
    DATABASE_URL: `file:${folder}/watchers.db`,
  });
  const delaysByCount = new Map<number, number[]>(COUNTS.map((count) => [count, []]));
  // The first round warms up, without the many.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const count of COUNTS) {
      if (round === 0 && count === 5_000) continue;
      const delaysMs = await measureChanges(upstream, gateway, count);
      if (round > 0) delaysByCount.get(count)?.push(...delaysMs);
    }
  }
  const [one, ...more] = COUNTS.map((count) => median(delaysByCount.get(count) ?? []));
  const base = toFigure("a change reaches 1 watcher", one ?? 0, "ms");
  return [
    base,
    ...more.map((delayMs, index) =>
      toFigure(`a change reaches the last of ${COUNTS[index + 1]} watchers`, delayMs, "ms", base),
    ),
  ];
}

/** The two changes of a job that starts and succeeds, in milliseconds. */
async function measureChanges(
  upstream: FaultyUpstream,
  gateway: ChildProgram,
  count: number,
): Promise<number[]> {
  upstream.script(DEPLOYMENT_ID, ["in_queue"]);
  const { id, requestId } = await submitJob(gateway.url);
  const watchers = await openWatchers(gateway.url, id, { count });

  async function measureChange(call: "status" | "result", status: string, change: () => void) {
    const release = upstream.hold(call);
    const held = upstream.whenRequested(call, upstream.count(call, requestId) + 1, requestId);
    change();
    await within(20_000, `the gateway looks at a job (${call})`, held);
    const changedAt = performance.now();
    release();
    return (await watchers.whenAllSaw(status)) - changedAt;
  }

  const startedMs = await measureChange("status", "IN_PROGRESS", () => {
    upstream.script(requestId, ["in_progress"]);
  });
  const succeededMs = await measureChange("result", "SUCCEEDED", () => {
    upstream.finish(requestId, { status: "succeeded", output: { images: [] } });
  });
  await watchers.whenAllEnded();
  return [startedMs, succeededMs];
}
