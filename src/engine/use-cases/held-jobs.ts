import { readableOwner, requireScopes } from "../../auth/viewer.ts";
import { badUserInput } from "../../runtime/coded-error.ts";
import type { Caller } from "../caller.ts";
import { forEach } from "../for-each.ts";
import { JobNotFoundError } from "../job/errors.ts";
import { type Hold, MAX_PRIORITY, toHold } from "../job/hold.ts";
import { textProblem } from "../job/input.ts";
import { isIdentifier, type Job } from "../job/job.ts";

/** The most jobs that a list of HELD ones has. */
export const MAX_LISTED = 100;
const MAX_REASON_LENGTH = 500;

/*
 * Each of these resolves with what became of each job, once all are done; a job's promise rejects with a JobNotFoundError
 * or a JobNotHeldError. They throw BAD_USER_INPUT for too many jobs.
 */

/** Lets the viewer's own HELD jobs be sent when their turn comes. */
export async function releaseJobs(caller: Caller, ids: readonly string[]) {
  requireScopes(caller.viewer, "jobs:submit");
  return await changeEach(caller, ids, "releaseJob");
}

/** Lets the viewer's own HELD jobs wait until they are released. */
export async function holdJobs(caller: Caller, ids: readonly string[]) {
  requireScopes(caller.viewer, "jobs:submit");
  return await changeEach(caller, ids, "holdJob");
}

/** Lets the viewer's own HELD jobs be sent before those of a lower priority. */
export async function prioritizeJobs(caller: Caller, ids: readonly string[], priority: number) {
  const { engine, viewer } = caller;
  requireScopes(viewer, "jobs:submit");
  if (Math.abs(priority) > MAX_PRIORITY)
    throw badUserInput(
      `\`priority\` must be from -${MAX_PRIORITY} to ${MAX_PRIORITY}, not ${priority}.`,
    );
  return await each(caller, ids, (id) => engine.holder.prioritizeJob(id, viewer, priority));
}

/**
 * Approves jobs of the viewer's owner, or with `jobs:read:all` of anybody; a job's promise rejects with FORBIDDEN where the
 * viewer's own credential submitted it, or made it need an approval.
 */
export async function approveJobs(caller: Caller, ids: readonly string[]) {
  requireScopes(caller.viewer, "jobs:approve");
  return await changeEach(caller, ids, "approveJob");
}

/** Ends jobs that wait for an approval, with a reason that their owner sees. */
export async function refuseJobs(caller: Caller, ids: readonly string[], reason: string) {
  const { engine, viewer } = caller;
  requireScopes(viewer, "jobs:approve");
  const isLong = reason.trim() === "" || reason.length > MAX_REASON_LENGTH;
  const problem = isLong ? `must have 1 to ${MAX_REASON_LENGTH} characters` : textProblem(reason);
  if (problem !== null) throw badUserInput(`\`reason\` ${problem}. Say what is to be changed.`);
  return await each(caller, ids, (id) => engine.holder.refuseJob(id, viewer, reason.trim()));
}

/** Why a job that the viewer has read is HELD; null where it is not. */
export async function findHold({ engine, reads }: Caller, job: Job): Promise<Hold | null> {
  if (job.status !== "HELD") return null;
  const facts = await reads.holds.load(job.id);
  const outageMs = engine.health.outageMs() ?? engine.health.outageMs(job.deploymentId);
  return facts && toHold(facts, outageMs !== null);
}

/** The viewer's own HELD jobs in the order in which they are sent; of one deployment, if it is given. */
export async function listHeldJobs(
  { engine, viewer }: Caller,
  limit: number,
  deploymentId?: string,
): Promise<readonly Job[]> {
  requireScopes(viewer, "jobs:read");
  checkLimit(limit);
  return await engine.store.holds.list(viewer.ownerId, limit, deploymentId);
}

/** The HELD jobs that the viewer may approve, oldest first, those of its own credential among them. */
export async function listJobsToApprove(
  { engine, viewer }: Caller,
  limit: number,
): Promise<readonly Job[]> {
  requireScopes(viewer, "jobs:approve");
  checkLimit(limit);
  return await engine.store.holds.listToApprove(readableOwner(viewer), limit);
}

function checkLimit(limit: number): void {
  if (limit >= 1 && limit <= MAX_LISTED) return;
  throw badUserInput(`\`first\` must be from 1 to ${MAX_LISTED}, not ${limit}.`);
}

async function changeEach(
  caller: Caller,
  ids: readonly string[],
  act: "releaseJob" | "holdJob" | "approveJob",
): Promise<Promise<Job>[]> {
  const { engine, viewer } = caller;
  return await each(caller, ids, (id) => engine.holder[act](id, viewer));
}

async function each(
  { reads }: Caller,
  ids: readonly string[],
  act: (id: string) => Promise<Job>,
): Promise<Promise<Job>[]> {
  return await forEach(ids, async (id) => {
    if (!isIdentifier(id)) throw new JobNotFoundError(id);
    return await act(id).finally(() => reads.clear());
  });
}
