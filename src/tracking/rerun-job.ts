import { InvalidInputError, JobNotFoundError } from "../job/errors.ts";
import { checkJson } from "../job/input-issue.ts";
import type { JsonObject } from "../job/json.ts";
import { isJsonObject } from "../job/json.ts";
import type { JobStore } from "../store/job-store.ts";
import type { SubmissionRequest } from "./submission.ts";
import type { Submitted, Submitter } from "./submit-job.ts";

/** Which of the viewer's jobs to run again, and what to change in its input; any JSON. */
export type RerunRequest = Omit<SubmissionRequest, "deploymentId" | "input" | "spell"> & {
  readonly jobId: string;
  readonly changes: unknown;
};

/** To this size changes may let an input grow; else it could grow without end, a body at a time. */
const MOST_GROWN_BYTES = 1_048_576;

/**
 * Makes what submits a job's deployment and input again, with the members of `changes` put over it; null takes one away.
 * It rejects as a submit does, and with a `JobNotFoundError`.
 */
export function createRerunJob({
  store,
  submitJob,
}: {
  readonly store: {
    readonly jobs: Pick<JobStore["jobs"], "read">;
    readonly documents: Pick<JobStore["documents"], "readInput">;
  };
  readonly submitJob: Submitter["submitJob"];
}) {
  return async ({ jobId, changes, ...request }: RerunRequest): Promise<Submitted> => {
    const job = await store.jobs.read(jobId, request.viewer.ownerId);
    const kept = job === null ? null : await store.documents.readInput(jobId);
    if (job === null || kept === null) throw new JobNotFoundError(jobId);
    const input = change(kept, changes ?? {});
    const submitting = submitJob({ ...request, deploymentId: job.deploymentId, input });
    return await submitting.catch((error: unknown) => {
      throw error instanceof InvalidInputError ? explain(error, kept, Object(changes)) : error;
    });
  };
}

/** Throws an `InvalidInputError`. */
function change(input: JsonObject, changes: unknown): JsonObject {
  if (!isJsonObject(changes)) throw invalid("must be an object; put the fields into {…}");
  // Before it is made into text, for which it may be nested too deep.
  const issues = checkJson(changes);
  if (issues.length > 0) throw new InvalidInputError(issues);
  const members = Object.entries({ ...input, ...changes }).filter(
    ([name, value]) => value !== null || !Object.hasOwn(changes, name),
  );
  const changed = Object.fromEntries(members);
  if (sizeOf(changed) <= Math.max(MOST_GROWN_BYTES, sizeOf(input))) return changed;
  throw invalid("make the input larger than 1 MiB; leave some out");
}

/** Says of what the job had, and the caller left as it was, what to do about it. */
function explain(error: InvalidInputError, kept: JsonObject, changes: object): InvalidInputError {
  const issues = error.issues.map(({ path, message }) => {
    const [member = ""] = path;
    const isKept = Object.hasOwn(kept, member) && !Object.hasOwn(changes, member);
    return { path, message: isKept ? `${message}; change it as you run the job again` : message };
  });
  return new InvalidInputError(issues, { cause: error });
}

function sizeOf(input: JsonObject): number {
  return Buffer.byteLength(JSON.stringify(input));
}

function invalid(message: string): InvalidInputError {
  return new InvalidInputError([{ path: ["changes"], message }]);
}
