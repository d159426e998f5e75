import type { Counter } from "prom-client";

import { LimitError } from "../runtime/coded-error.ts";
import type { Stream } from "../runtime/stream.ts";
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

  function countEvents<Event>(of: "job" | "feed", source: Stream<Event>): Stream<Event> {
    return source.map((event) => {
      events.inc({ of });
      return event;
    });
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
