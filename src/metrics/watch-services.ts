import type { Counter } from "prom-client";

import { LimitError } from "../job/errors.ts";
import type { Services } from "../schema/context.ts";

/** The same services, which count what owners are refused, and what watchers are told. */
export function watchServices(
  services: Services,
  counts: {
    readonly refusals: Counter<"limit">;
    readonly events: Counter<"of">;
  },
): Services {
  const { refusals, events } = counts;
  const { tracking, files } = services;

  async function countRefusal<Result>(act: () => Promise<Result>): Promise<Result> {
    try {
      return await act();
    } catch (error) {
      if (error instanceof LimitError) refusals.inc({ limit: error.limitName });
      throw error;
    }
  }

  function countEvents<Event>(
    of: "job" | "feed",
    source: AsyncIterableIterator<Event>,
  ): AsyncIterableIterator<Event> {
    const counted: AsyncIterableIterator<Event> = {
      async next() {
        const next = await source.next();
        if (next.done !== true) events.inc({ of });
        return next;
      },
      async return() {
        return (await source.return?.()) ?? { value: undefined, done: true };
      },
      [Symbol.asyncIterator]: () => counted,
    };
    return counted;
  }

  return {
    ...services,
    tracking: {
      ...tracking,
      submitJob: (...given) => countRefusal(() => tracking.submitJob(...given)),
      rerunJob: (...given) => countRefusal(() => tracking.rerunJob(...given)),
    },
    files: {
      ...files,
      uploads: {
        createUpload: (...given) => countRefusal(() => files.uploads.createUpload(...given)),
      },
    },
    watchJob: (...given) => countEvents("job", services.watchJob(...given)),
    watchJobs: async (watch) => countEvents("feed", await services.watchJobs(watch)),
  };
}
