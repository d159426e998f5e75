import type { Counter, Gauge } from "prom-client";

import { LimitError } from "../job/errors.ts";
import type { Services } from "../schema/context.ts";

/** The same services, which count what owners are refused, who watches, and what they are told. */
export function watchServices(
  services: Services,
  counts: {
    readonly refusals: Counter<"limit">;
    readonly watchers: Gauge<"of">;
    readonly events: Counter<"of">;
  },
): Services {
  const { refusals, watchers, events } = counts;
  const { tracking, files } = services;

  async function countRefusal<Result>(act: () => Promise<Result>): Promise<Result> {
    try {
      return await act();
    } catch (error) {
      if (error instanceof LimitError) refusals.inc({ limit: error.limitName });
      throw error;
    }
  }

  function countEvents<Event>(of: "job" | "feed", told: AsyncIterableIterator<Event>) {
    return tellReading(told, {
      begin: () => watchers.inc({ of }),
      event: () => events.inc({ of }),
      end: () => watchers.dec({ of }),
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

/** The same events: `begin` is called when they are first asked for, and `end` once after that. */
function tellReading<Event>(
  events: AsyncIterableIterator<Event>,
  on: { readonly begin: () => void; readonly event: () => void; readonly end: () => void },
): AsyncIterableIterator<Event> {
  let state: "new" | "begun" | "over" = "new";

  function end(): void {
    if (state === "begun") on.end();
    state = "over";
  }

  const told: AsyncIterableIterator<Event> = {
    async next() {
      if (state === "new") {
        state = "begun";
        on.begin();
      }
      try {
        const next = await events.next();
        if (next.done === true) end();
        else on.event();
        return next;
      } catch (error) {
        end();
        throw error;
      }
    },
    async return() {
      end();
      return (await events.return?.()) ?? { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => told,
  };
  return told;
}
