import { LimitError } from "../job/limit-error.ts";
import type { SubmissionRequest } from "../tracking/submission.ts";
import type { Submitted } from "../tracking/submit-job.ts";
import type { Builder } from "./builder.ts";
import { overLimit } from "./coded-errors.ts";
import type { GatewayContext } from "./context.ts";
import type { SubmitJobResultRef } from "./submit-job-result.ts";

export function addSubmitJob(builder: Builder, submitJobResult: SubmitJobResultRef): void {
  builder.mutationField("submitJob", (t) =>
    t.field({
      type: submitJobResult,
      scope: "jobs:submit",
      description:
        "Submits a job and answers once the upstream has accepted or refused it; follow it with `jobUpdated`. It goes on when the caller hangs up.",
      args: {
        deploymentId: t.arg.id({
          required: true,
          description: "What to run: a deployment's `id`.",
        }),
        input: t.arg({
          type: "JSON",
          required: true,
          description:
            "An object that fits the deployment's `inputSchema`, in the upstream's spelling (`ctrl_img_1`); files are given as public https URLs.",
        }),
        idempotencyKey: t.arg.string({ description: IDEMPOTENCY_KEY }),
      },
      resolve: (_root, { deploymentId, input, idempotencyKey }, context) =>
        submit({ deploymentId, input, idempotencyKey: idempotencyKey ?? null }, context),
    }),
  );
}

export const IDEMPOTENCY_KEY =
  "A text of your choice that makes it safe to call again: the same key of yours with the same deployment and input gives the same job as long as that is kept, and a conflict for a day after it was deleted. Null submits a new job each time.";

/** Submits for the viewer, and forgets what the operation has read before of a job. */
export async function submit(
  submission: Omit<SubmissionRequest, "viewer">,
  { viewer, tracking, loaders }: GatewayContext,
): Promise<Submitted> {
  try {
    return await tracking.submitJob({ ...submission, viewer });
  } catch (error) {
    throw error instanceof LimitError ? overLimit(error) : error;
  } finally {
    loaders.clear();
  }
}
