import { InvalidLabelsError, JobNotFoundError } from "../job/errors.ts";
import { checkTags, type InputIssue } from "../job/input.ts";
import type { Job } from "../job/job.ts";
import type { Jobs } from "../store/job-store.ts";

/** What to change about what an owner finds jobs by. */
export type LabelEdit = {
  readonly addTags: readonly string[];
  /** Before others are added. */
  readonly removeTags: readonly string[];
  /** Null leaves the star as it is. */
  readonly isStarred: boolean | null;
  /** Why it can't be done of any job. */
  readonly issues: readonly InputIssue[];
};

/** Checks an edit, once for all of its jobs. */
export function toLabelEdit(given: Omit<LabelEdit, "issues">): LabelEdit {
  const { addTags, removeTags } = given;
  const issues = [...checkTags(addTags, "addTags"), ...checkTags(removeTags, "removeTags")];
  return { ...given, issues };
}

/** Only the owner's own edits of the same job come in between. */
const MAX_ATTEMPTS = 20;

/** Changes the labels of jobs. */
export class Labeler {
  readonly #jobs: Pick<Jobs, "read" | "label">;

  constructor({ jobs }: { readonly jobs: Pick<Jobs, "read" | "label"> }) {
    this.#jobs = jobs;
  }

  /**
   * Changes a job's tags and its star, at any time. Where nothing would change, nothing is written. Rejects with a
   * JobNotFoundError or an InvalidLabelsError.
   */
  async editJob(jobId: string, ownerId: string, edit: LabelEdit): Promise<Job> {
    if (edit.issues.length > 0) throw new InvalidLabelsError(edit.issues);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const job = await this.#jobs.read(jobId, ownerId);
      if (job === null) throw new JobNotFoundError(jobId);
      const left = job.tags.filter((tag) => !edit.removeTags.includes(tag));
      const tags = [...new Set([...left, ...edit.addTags])];
      const issues = checkTags(tags);
      if (issues.length > 0) throw new InvalidLabelsError(issues);
      const isStarred = edit.isStarred ?? job.isStarred;
      const isSame = isStarred === job.isStarred && tags.join("\n") === job.tags.join("\n");
      const edited = isSame ? job : await this.#jobs.label(job, { tags, isStarred });
      if (edited !== null) return edited;
    }
    throw new Error(`the labels of ${jobId} changed ${MAX_ATTEMPTS} times while they were edited`);
  }
}
