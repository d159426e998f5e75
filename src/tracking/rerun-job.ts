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

/**
 * Makes what submits a job's deployment and input again, with the members of `changes` put over it; null takes one away.
 * It rejects as a submit does, and with a `JobNotFoundError`.
 */
export function createRerunJob({
  store,
  submitter,
}: {
  readonly store: {
    readonly jobs: Pick<JobStore["jobs"], "read">;
    readonly documents: Pick<JobStore["documents"], "readInput">;
  };
  readonly submitter: Pick<Submitter, "submitRead">;
}) {
  return async ({ jobId, changes, ...request }: RerunRequest): Promise<Submitted> => {
    const { ownerId } = request.viewer;
    let kept: JsonObject = {};
    const submitting = submitter.submitRead(ownerId, async () => {
      const job = await store.jobs.read(jobId, ownerId);
      const found = job === null ? null : await store.documents.readInput(jobId);
      if (job === null || found === null) throw new JobNotFoundError(jobId);
      kept = found;
      const input = change(kept, changes ?? {});
      return { ...request, deploymentId: job.deploymentId, input };
    });
    return await submitting.catch((error: unknown) => {
      throw error instanceof InvalidInputError ? explain(error, kept, Object(changes)) : error;
    });
  };
}

/** Throws an `InvalidInputError`. */
function change(input: JsonObject, changes: unknown): JsonObject {
  if (!isJsonObject(changes)) throw invalid("must be an object; put the fields into {…}");
  // Before it is made into text, for which it may be nested too deep.
  const { issues } = checkJson(changes);
  if (issues.length > 0) throw new InvalidInputError(issues);
  const names = Object.keys(changes);
  if (names.length === 0) return input;
  const changed = { ...input, ...changes };
  for (const name of names) if (changes[name] === null) Reflect.deleteProperty(changed, name);
  return changed;
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

function invalid(message: string): InvalidInputError {
  return new InvalidInputError([{ path: ["changes"], message }]);
}
