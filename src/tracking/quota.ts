import type { BaseLogger } from "pino";

import type { OwnerLimits, Viewer } from "../auth/viewer.ts";
import { toDurationText } from "../job/duration-text.ts";
import { LimitError } from "../job/limit-error.ts";
import type { QuotaName, Quotas } from "../store/job-store.ts";

/** Counts what owners submit in a time. */
export type Quota = {
  /** Counts a submit and its job. Rejects with a `LimitError` when it is one too many. */
  count(viewer: Viewer): Promise<GiveBack>;
};

/**
 * Takes back what was counted for a submit that came to no new job: the submit with its job where it was a retry under a
 * known key or its turn never came, and otherwise the job of the day. Never rejects.
 */
export type GiveBack = (counted: "submit" | "job") => Promise<void>;

export function createQuota(dependencies: {
  readonly quotas: Quotas;
  readonly log: BaseLogger;
}): Quota {
  const { quotas, log } = dependencies;

  /** Resolves with what takes it back; one too many of a day is taken back at once. */
  async function count({ ownerId, limits }: Viewer, bound: Bound): Promise<() => Promise<void>> {
    const limit = bound.limitOf(limits);
    if (limit === null) return async () => undefined;
    const { count: counted, endsInMs, endsAtMs } = await quotas.count(bound.name, ownerId);
    const takeBack = (): Promise<void> => discount(bound.name, ownerId, endsAtMs);
    if (counted <= limit) return takeBack;
    if (bound === PER_DAY) await takeBack();
    const retryAfterSeconds = Math.max(1, Math.ceil(endsInMs / 1_000));
    throw new LimitError(
      `You have submitted ${limit} jobs, the most allowed in ${bound.window}. Submit again in ${toDurationText(retryAfterSeconds)}.`,
      { code: bound.code, retryAfterSeconds, limit },
    );
  }

  async function discount(name: QuotaName, ownerId: string, endsAtMs: number): Promise<void> {
    try {
      await quotas.discount(name, ownerId, endsAtMs);
    } catch (error) {
      log.warn(
        { err: error },
        "What an owner may submit could not be given back, so it counts until the minute or day is over. Check that the database runs.",
      );
    }
  }

  return {
    async count(viewer) {
      const takeBackSubmit = await count(viewer, PER_MINUTE);
      const takeBackJob = await count(viewer, PER_DAY);
      return async (counted) => {
        await takeBackJob();
        if (counted === "submit") await takeBackSubmit();
      };
    },
  };
}

type Bound = {
  readonly name: QuotaName;
  readonly window: string;
  readonly code: LimitError["code"];
  limitOf(limits: OwnerLimits): number | null;
};

const PER_MINUTE: Bound = {
  name: "submits",
  window: "a minute",
  code: "RATE_LIMITED",
  limitOf: ({ submitsPerMinute }) => submitsPerMinute,
};

const PER_DAY: Bound = {
  name: "jobs",
  window: "a day",
  code: "QUOTA_EXCEEDED",
  limitOf: ({ jobsPerDay }) => jobsPerDay,
};
