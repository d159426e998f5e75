import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { DEPLOYMENT_ID } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { median, quantile, toFigure } from "./figure.ts";
import type { Fleet } from "./fleet.ts";
import { submitJob } from "./submit-job.ts";
import { openWatchers } from "./watchers.ts";
import { within } from "./within.ts";

/** Of each gateway, one after the other. A job has two changes. */
const JOBS = 17;

/**
 * From the upstream's answer that tells a change to the watcher that has it: each change is watched at the gateway that
 * looks at the job and at another one. A gateway has a change every half second or so, so that none waits in a batch.
 */
export async function measureChanges(upstream: FaultyUpstream, fleet: Fleet): Promise<Figure[]> {
  upstream.script(DEPLOYMENT_ID, ["in_queue"]);
  const sameMs: number[] = [];
  const otherMs: number[] = [];

  async function measureJob(ownUrl: string, otherUrl: string): Promise<void> {
    const { id, requestId } = await submitJob(ownUrl);
    const same = await openWatchers(ownUrl, id, { count: 1 });
    const other = await openWatchers(otherUrl, id, { count: 1 });

    async function measureChange(call: "status" | "result", status: string, change: () => void) {
      const asked = upstream.whenRequested(call, upstream.count(call, requestId) + 1, requestId);
      change();
      // The upstream answers at once.
      const toldAt = within(20_000, "the gateway looks at a job", asked).then(() =>
        performance.now(),
      );
      const seenAt = await Promise.all([same.whenAllSaw(status), other.whenAllSaw(status)]);
      sameMs.push(seenAt[0] - (await toldAt));
      otherMs.push(seenAt[1] - (await toldAt));
    }

    await measureChange("status", "IN_PROGRESS", () => upstream.script(requestId, ["in_progress"]));
    await measureChange("result", "SUCCEEDED", () => {
      upstream.finish(requestId, { status: "succeeded", output: { images: [] } });
    });
    await Promise.all([same.whenAllEnded(), other.whenAllEnded()]);
  }

  const urls = fleet.gateways.map(({ url }) => url);
  await Promise.all(
    urls.map(async (url, index) => {
      const otherUrl = urls[(index + 1) % urls.length] ?? "";
      for (let job = 0; job < JOBS; job++) await measureJob(url, otherUrl);
    }),
  );
  const base = toFigure("a change reaches a watcher on its gateway, median", median(sameMs), "ms");
  const late = toFigure(
    "a change reaches a watcher on its gateway, p99",
    quantile(sameMs, 0.99),
    "ms",
  );
  return [
    base,
    toFigure("a change reaches a watcher on another, median", median(otherMs), "ms", base),
    late,
    toFigure("a change reaches a watcher on another, p99", quantile(otherMs, 0.99), "ms", late),
  ];
}
