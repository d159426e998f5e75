import type { Catalogue } from "../deployments/catalogue.ts";
import { InvalidInputError } from "../job/errors.ts";
import type { InputIssue } from "../job/input-issue.ts";
import type { JsonObject } from "../job/json.ts";
import type { Queue } from "../runtime/queue.ts";
import type { Submission, SubmissionRequest } from "./submission.ts";
import { toSubmission } from "./submission.ts";
import type { UploadsOfInputs } from "./submit-job.ts";

/** What a submit would say of an input. */
export type InputCheck = {
  /** Empty where it would be submitted. */
  readonly issues: readonly InputIssue[];
  readonly warnings: readonly InputIssue[];
  /** As the job would keep it; empty where it could not be kept. */
  readonly input: JsonObject;
};

type CheckRequest = Pick<SubmissionRequest, "viewer" | "deploymentId" | "input">;

/** Makes what checks an input as a submit does, without one. It rejects with a `DeploymentNotFoundError`. */
export function createCheckInput(dependencies: {
  readonly catalogue: Catalogue;
  readonly uploads?: Pick<UploadsOfInputs, "check"> | undefined;
  /** That of submits. */
  readonly inputQueue: Queue;
}) {
  async function check(request: CheckRequest): Promise<InputCheck> {
    const submission = toSubmission({ ...request, idempotencyKey: null }, dependencies.catalogue);
    const { input, warnings } = submission;
    return { issues: await refuse(submission).then(() => [], toIssues), warnings, input };
  }

  async function refuse(submission: Submission): Promise<void> {
    if (submission.refusal !== null) throw submission.refusal;
    await dependencies.uploads?.check(submission.input, submission);
  }

  return (request: CheckRequest): Promise<InputCheck> =>
    dependencies.inputQueue.run(request.viewer.ownerId, () =>
      check(request).catch((error: unknown) => ({
        issues: toIssues(error),
        warnings: [],
        // What was given may be nested so deep that nothing could make it into text.
        input: {},
      })),
    );
}

function toIssues(error: unknown): readonly InputIssue[] {
  if (error instanceof InvalidInputError) return error.issues;
  throw error;
}
