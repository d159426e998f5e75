import type { BaseLogger } from "pino";

import type { Viewer } from "../auth/viewer.ts";
import { toDurationText, LimitError } from "../job/errors.ts";
import type { QuotaName, Quotas } from "../store/job-store.ts";

/** Counts what owners submit in a time. */
export type Quota = {
  /** Counts a submit and its job. Rejects with a `LimitError` when it is one too many. */
  count(viewer: Viewer): Promise<GiveBack>;
};

/**
 * Takes back what was counted for a submit that came to no new job: the submit and its job where it was a retry under a
 * known key or its turn never came, and otherwise only the job. Never rejects.
 */
export type GiveBack = (counted: "submit" | "job") => Promise<void>;

const BOUNDS = {
  submits: { limit: "submitsPerMinute", window: "a minute", code: "RATE_LIMITED" },
  jobs: { limit: "jobsPerDay", window: "a day", code: "QUOTA_EXCEEDED" },
} as const;

export function createQuota(dependencies: {
  readonly quotas: Quotas;
  readonly log: BaseLogger;
}): Quota {
  const { quotas, log } = dependencies;

  /** Resolves with what takes it back; one too many of a day is taken back at once. */
  async function count({ ownerId, limits }: Viewer, name: QuotaName): Promise<() => Promise<void>> {
    const { window, code, limit: key } = BOUNDS[name];
    const limit = limits[key];
    if (limit === null) return async () => undefined;
    const { count: counted, endsInMs, endsAtMs } = await quotas.count(name, ownerId);
    const takeBack = (): Promise<void> =>
      quotas.discount(name, ownerId, endsAtMs).catch((error: unknown) => {
        log.warn(
          { err: error },
          "A submit could not be taken back from an owner's quota, so it counts until the minute or day is over. Check that the database runs.",
        );
      });
    if (counted <= limit) return takeBack;
    if (name === "jobs") await takeBack();
    const retryAfterSeconds = Math.max(1, Math.ceil(endsInMs / 1_000));
    throw new LimitError(
      `You have submitted ${limit} jobs, the most allowed in ${window}. Submit again in ${toDurationText(retryAfterSeconds)}.`,
      { code, retryAfterSeconds, limit },
    );
  }

  return {
    async count(viewer) {
      const takeBackSubmit = await count(viewer, "submits");
      const takeBackJob = await count(viewer, "jobs");
      return async (counted) => {
        await takeBackJob();
        if (counted === "submit") await takeBackSubmit();
      };
    },
  };
}
