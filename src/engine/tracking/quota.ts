import type { BaseLogger } from "pino";

import type { Viewer } from "../../auth/viewer.ts";
import { LimitError, toCountText, toDurationText } from "../../runtime/coded-error.ts";
import type { QuotaName, Quotas } from "../store/quotas.ts";

/** `toReason` begins the message to an owner who has reached the limit; the time of the next try follows. */
const BOUNDS = {
  submits: {
    limitName: "submitsPerMinute",
    code: "RATE_LIMITED",
    toReason: (limit: number) =>
      `You have sent ${toCountText(limit, "jobs")} within a minute, the most allowed. Submit again`,
  },
  jobs: {
    limitName: "jobsPerDay",
    code: "QUOTA_EXCEEDED",
    toReason: (limit: number) =>
      `You have submitted ${toCountText(limit, "jobs")}, the most allowed in a day. Submit again`,
  },
  uploads: {
    limitName: "uploadMibPerDay",
    code: "QUOTA_EXCEEDED",
    toReason: (limit: number) =>
      `With this file you would upload more than ${limit} MiB in a day, the most allowed. Upload a smaller one, or try again`,
  },
} as const;

export type Quota = ReturnType<typeof createQuota>;

/** Counts what owners submit and upload in a time. */
export function createQuota({
  quotas,
  log,
}: {
  readonly quotas: Quotas;
  readonly log: BaseLogger;
}) {
  async function countOne({ ownerId, limits }: Viewer, name: QuotaName, amount = 1) {
    const { limitName, code, toReason } = BOUNDS[name];
    const limit = limits[limitName];
    if (limit === null) return { refund: async () => undefined, counted: null };
    const { key, count, endsInMs, endsAtMs } = await quotas.count(name, ownerId, amount);
    const refund = (): Promise<void> =>
      quotas.discount(name, ownerId, endsAtMs, amount).catch((error: unknown) => {
        log.warn(
          { err: error },
          "What was not submitted still counts against its owner's quota, until the minute or the day is over. Check that the database runs.",
        );
      });
    if (count <= limit) return { refund, counted: { key, endsAtMs } };
    await refund();
    const retryAfterSeconds = Math.max(1, Math.ceil(endsInMs / 1_000));
    const message = `${toReason(limit)} in ${toDurationText(retryAfterSeconds)}.`;
    throw new LimitError(message, { limitName, code, retryAfterSeconds, limit });
  }

  return {
    /**
     * Counts a submit and its job. Rejects with a `LimitError`, and counts neither, when it is one too many. Resolves with
     * what never rejects and refunds the submit, where no POST has left, and the job, where the submit came to none.
     */
    async count(viewer: Viewer) {
      const { refund: refundSubmit } = await countOne(viewer, "submits");
      try {
        return { refundSubmit, refund: (await countOne(viewer, "jobs")).refund };
      } catch (error) {
        await refundSubmit();
        throw error;
      }
    },
    /** Counts the job of a submit that is HELD, which is counted itself when it is sent; `counted` says where. */
    countHeld: (viewer: Viewer) => countOne(viewer, "jobs"),
    /** Counts what is to be uploaded, in the same way as a submit. Resolves with what refunds it. */
    async countUpload(viewer: Viewer, mebibytes: number) {
      return (await countOne(viewer, "uploads", mebibytes)).refund;
    },
  };
}
