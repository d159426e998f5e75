import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { DEPLOYMENT_ID } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { median, quantile, toFigure } from "./figure.ts";
import type { Fleet } from "./fleet.ts";
import type { RawWatchers } from "./raw-watchers.ts";
import { openRawWatchers } from "./raw-watchers.ts";
import { submitJob } from "./submit-job.ts";
import { within } from "./within.ts";

/** Of each gateway, one after the other. A job has two changes. */
const JOBS = 17;

/**
 * From the upstream's answer with a change to the watchers that get it. Each change is watched at all gateways, of
 * which any may have done. A gateway has a change every half second or so, so that none waits in a batch.
 */
export async function measureChanges(upstream: FaultyUpstream, fleet: Fleet): Promise<Figure[]> {
  upstream.script(DEPLOYMENT_ID, ["in_queue"]);
  const urls = fleet.gateways.map(({ url }) => url);
  const firstMs: number[] = [];
  const lastMs: number[] = [];

  async function measureJob(url: string): Promise<void> {
    const { id, requestId } = await submitJob(url);
    using stack = new DisposableStack();
    const watchers: RawWatchers[] = [];
    for (const one of urls) {
      const watcher = stack.use(await openRawWatchers(one, { watchers: 1, sockets: 1 }));
      await watcher.subscribe(id);
      await watcher.whenArrived(1);
      watchers.push(watcher);
    }

    async function measureChange(call: "status" | "result", status: string, change: () => void) {
      const asked = upstream.whenRequested(call, upstream.count(call, requestId) + 1, requestId);
      change();
      // The upstream answers at once.
      const answeredAt = within(20_000, "the gateway polls a job", asked).then(() =>
        performance.now(),
      );
      const seenAt = await Promise.all(watchers.map((watcher) => whenSaw(watcher, status)));
      firstMs.push(Math.min(...seenAt) - (await answeredAt));
      lastMs.push(Math.max(...seenAt) - (await answeredAt));
    }

    await measureChange("status", "IN_PROGRESS", () => upstream.script(requestId, ["in_progress"]));
    await measureChange("result", "SUCCEEDED", () => {
      upstream.finish(requestId, { status: "succeeded", output: { images: [] } });
    });
  }

  await Promise.all(
    urls.map(async (url) => {
      for (let job = 0; job < JOBS; job++) await measureJob(url);
    }),
  );
  const what = "a change reaches the watcher of";
  const base = toFigure(`${what} the first gateway, median`, median(firstMs), "ms");
  const late = toFigure(`${what} the first gateway, p99`, quantile(firstMs, 0.99), "ms");
  return [
    base,
    toFigure(`${what} the last gateway, median`, median(lastMs), "ms", base),
    late,
    toFigure(`${what} the last gateway, p99`, quantile(lastMs, 0.99), "ms", late),
  ];
}

/** Resolves with the moment at which the watcher was sent the status. */
async function whenSaw(watcher: RawWatchers, status: string): Promise<number> {
  for (;;) {
    const arrivals = await watcher.whenArrived(1);
    const found = arrivals.find(({ message }) => message.includes(`"status":"${status}"`));
    if (found !== undefined) return found.at;
  }
}
