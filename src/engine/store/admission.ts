import type { Kysely } from "kysely";

import type { Viewer } from "../../auth/viewer.ts";
import type { Job } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";
import type { Tables } from "./tables.ts";

/** Writes in the transaction in which a job is added, for a part. */
export type AlsoWrite = (transaction: Kysely<Tables>, job: Job) => Promise<void>;

/** Decides for a part whether a job may be sent to RunComfy, in the transaction that makes it SUBMITTING. */
export type Admission = {
  /** Looks at a submit before anything of it is written. Rejects with a `LimitError` where it can never be sent. */
  prepare(submission: Submitted): Promise<Prepared>;
  /**
   * In the transaction that claims a HELD job, once its row is locked. What is "limited" waits with all others of its owner,
   * what is "key-limited" with those that the same credential submitted, what is "closed" with all others of its deployment,
   * and nothing of the transaction is written. Rejects with a `LimitError` where it can never be sent, which then ends it.
   */
  claim(
    transaction: Kysely<Tables>,
    job: Job,
  ): Promise<"admitted" | "limited" | "key-limited" | "closed">;
  /** Those of these HELD jobs that may not be sent now, and until when; null where that is not known. */
  readLimited(jobIds: readonly string[]): Promise<ReadonlyMap<string, Date | null>>;
  /** Whether the job waits for an approval once this viewer has released it. */
  needsApproval(viewer: Viewer, jobId: string): Promise<boolean>;
};

type Submitted = {
  readonly viewer: Viewer;
  readonly deploymentId: string;
  readonly input: JsonObject;
};

type Prepared = {
  /** Admits a job that is sent at once; throws a `LimitError` where it may not be. Comes last in its transaction. */
  readonly alsoWrite: AlsoWrite;
  /** Whether it waits until another credential approves it. */
  readonly needsApproval: boolean;
};

/** All of them are asked; without any, everything is admitted. */
export function createAdmissions(admissions: readonly Admission[]): Admission {
  return {
    async prepare(submission) {
      const prepared = await Promise.all(admissions.map((one) => one.prepare(submission)));
      return {
        needsApproval: prepared.some(({ needsApproval }) => needsApproval),
        async alsoWrite(transaction, job) {
          for (const { alsoWrite } of prepared) await alsoWrite(transaction, job);
        },
      };
    },
    async claim(transaction, job) {
      for (const admission of admissions) {
        const outcome = await admission.claim(transaction, job);
        if (outcome !== "admitted") return outcome;
      }
      return "admitted";
    },
    async readLimited(jobIds) {
      const found = await Promise.all(admissions.map((one) => one.readLimited(jobIds)));
      return new Map(found.flatMap((limited) => Array.from(limited)));
    },
    async needsApproval(viewer, jobId) {
      const found = await Promise.all(admissions.map((one) => one.needsApproval(viewer, jobId)));
      return found.includes(true);
    },
  };
}
