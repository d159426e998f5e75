import { requireScopes } from "../../auth/viewer.ts";
import { badUserInput } from "../../runtime/coded-error.ts";
import type { Caller } from "../caller.ts";
import { forEach } from "../for-each.ts";
import { JobNotFoundError } from "../job/errors.ts";
import { textProblem } from "../job/input.ts";
import { isIdentifier, type Job } from "../job/job.ts";
import type { TagCount } from "../store/labels.ts";
import { type LabelEdit, toLabelEdit } from "../tracking/edit-labels.ts";

export const DEFAULT_TAGS = 20;
export const MAX_TAGS = 100;

/**
 * Changes the labels of some of the viewer's jobs; resolves with the result of each, once all are done: the job, a
 * JobNotFoundError or an InvalidLabelsError. Throws BAD_USER_INPUT for too many.
 */
export async function editJobs(
  { engine, viewer, reads }: Caller,
  { ids, ...given }: Omit<LabelEdit, "issues"> & { readonly ids: readonly string[] },
): Promise<Promise<Job>[]> {
  requireScopes(viewer, "jobs:submit");
  const edit = toLabelEdit(given);
  const editJob = async (id: string): Promise<Job> => {
    if (!isIdentifier(id)) throw new JobNotFoundError(id);
    return await engine.labeler.editJob(id, viewer.ownerId, edit);
  };
  return await forEach(ids, editJob).finally(() => reads.clear());
}

/** The viewer's own tags, the most used first. Throws BAD_USER_INPUT. */
export async function listTags(
  { engine, viewer, reads }: Caller,
  { first, startsWith }: { readonly first: number; readonly startsWith: string },
): Promise<readonly TagCount[]> {
  requireScopes(viewer, "jobs:read");
  if (first < 1 || first > MAX_TAGS)
    throw badUserInput(`\`first\` must be from 1 to ${MAX_TAGS}, not ${first}.`);
  const problem = textProblem(startsWith);
  if (problem !== null) throw badUserInput(`\`startsWith\` ${problem}.`);
  const wanted = { startsWith, limit: first };
  return await reads.walk((budget) => engine.store.jobs.countTags(viewer.ownerId, wanted, budget));
}
