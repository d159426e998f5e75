import {
  DeploymentNotFoundError,
  IdempotencyConflictError,
  InvalidInputError,
  JobNotCancellableError,
  JobNotFinishedError,
  JobNotFoundError,
  UpstreamError,
} from "../job/errors.ts";
import { isIdentifier } from "../job/identifier.ts";
import { toPathText } from "../job/input-issue.ts";
import type { SubmissionRequest } from "../tracking/submission.ts";
import type { Submitted } from "../tracking/submit-job.ts";
import type { Builder } from "./builder.ts";
import { badUserInput, toCoded } from "./coded-errors.ts";
import type { GatewayContext } from "./context.ts";

export function addMutations(builder: Builder, submitJobResult: SubmitJobResultRef): void {
  builder.mutationFields((t) => ({
    submitJob: t.field({
      type: submitJobResult,
      scope: "jobs:submit",
      description:
        "Submits a job and answers once RunComfy has accepted or refused it, or later with `answerWithinSeconds`; follow it with `jobUpdated`. It goes on if you disconnect.",
      args: {
        deploymentId: t.arg.id({ required: true, description: "The `id` of what to run." }),
        input: t.arg({
          type: "JSON",
          required: true,
          description:
            "An object that fits the deployment's `inputSchema`, in RunComfy's spelling (`ctrl_img_1`); files are public https URLs, or uploads as `upload:ID`.",
        }),
        idempotencyKey: t.arg.string({ description: IDEMPOTENCY_KEY }),
        answerWithinSeconds: t.arg.int({ defaultValue: 0, description: ANSWER_WITHIN_SECONDS }),
      },
      resolve: (_root, { deploymentId, input, idempotencyKey, answerWithinSeconds }, context) =>
        submit(
          { deploymentId, input, idempotencyKey: idempotencyKey ?? null },
          answerWithinSeconds ?? 0,
          context,
        ),
    }),

    cancelJob: t.field({
      type: "Job",
      scope: "jobs:cancel",
      description:
        "Cancels a job of yours that has not started, and answers once that is certain: within a few seconds.",
      args: { id: t.arg.id({ required: true, description: "The job's `id`." }) },
      errors: {
        types: [JobNotFoundError, JobNotCancellableError, UpstreamError],
        union: {
          name: "CancelJobResult",
          description: "The cancelled job, or why it was not cancelled.",
        },
        result: { name: "CancelJobSuccess", description: "The job will not run." },
        dataField: { name: "job", description: "The job as it is now; its `status` is CANCELLED." },
      },
      resolve: async (_root, { id }, { viewer, tracking, loaders }) => {
        if (!isIdentifier(id)) throw new JobNotFoundError(id);
        const job = await tracking.cancelJob(id, viewer.ownerId);
        loaders.clear();
        return job;
      },
    }),

    deleteJob: t.field({
      type: "ID",
      scope: "jobs:cancel",
      description:
        "Deletes a finished job of yours from the gateway, with its history, input, output and kept files. RunComfy is not told, and the job's idempotency key can't be used for another day.",
      args: { id: t.arg.id({ required: true, description: "The job's `id`." }) },
      errors: {
        types: [JobNotFoundError, JobNotFinishedError],
        union: {
          name: "DeleteJobResult",
          description: "What was deleted, or why nothing was.",
        },
        result: { name: "DeleteJobSuccess", description: "The job is gone." },
        dataField: { name: "deletedJobId", description: "The `id` that the job had." },
      },
      resolve: async (_root, { id }, { viewer, tracking, loaders }) => {
        if (!isIdentifier(id)) throw new JobNotFoundError(id);
        await tracking.deleteJob(id, viewer.ownerId);
        loaders.clear();
        return id;
      },
    }),
  }));
}

/** Short enough for the time-outs of proxies and HTTP clients. */
const LONGEST_ANSWER_SECONDS = 20;

export const IDEMPOTENCY_KEY =
  "A text of your choice that makes it safe to repeat the call: the same key with the same deployment and input always gives the same job. After that job is deleted, the key is a conflict for a day. Null submits a new job each time.";

export const ANSWER_WITHIN_SECONDS = `How long to wait for the job's end, 0 to ${LONGEST_ANSWER_SECONDS} s, counted since the operation began and for all its submits together. The answer comes when the job has ended or the time is over, with the job as it then is, but not before RunComfy has accepted it. A refusal is answered at once. A retry may give another value.`;

export type SubmitJobResultRef = ReturnType<typeof addSubmitJobResult>;

/** What every mutation that submits a job answers with. */
export function addSubmitJobResult(builder: Builder) {
  builder.objectType("InputWarning", {
    description: "Something that RunComfy will do with an accepted input without saying so.",
    fields: (t) => ({
      path: t.string({
        description:
          "Where in the input, e.g. `width`, in the spelling of the call; empty for the input as a whole.",
        resolve: ({ path }) => toPathText(path),
      }),
      message: t.exposeString("message", {
        description: "What will happen there, as a sentence for your app's users.",
      }),
    }),
  });

  builder.objectType("SubmitJobSuccess", {
    description: "RunComfy has accepted the job.",
    fields: (t) => ({
      job: t.expose("job", {
        type: "Job",
        description: "The new job; if the idempotency key is known, the job that it belongs to.",
      }),
      warnings: t.expose("warnings", {
        type: ["InputWarning"],
        description:
          "What RunComfy will silently do to the input, such as rounding a width down; empty if nothing is known.",
      }),
    }),
  });

  return builder.errorUnion("SubmitJobResult", {
    description: "The job, or why there is none.",
    types: [
      "SubmitJobSuccess",
      InvalidInputError,
      DeploymentNotFoundError,
      IdempotencyConflictError,
      UpstreamError,
    ],
    resolveType: () => "SubmitJobSuccess",
  });
}

/** Submits for the viewer, waits for the job's end as long as asked, and forgets what the operation has read of jobs. */
export async function submit(
  submission: Omit<SubmissionRequest, "viewer">,
  answerWithinSeconds: number,
  { viewer, tracking, loaders, untilEnded }: GatewayContext,
): Promise<Submitted> {
  if (answerWithinSeconds < 0 || answerWithinSeconds > LONGEST_ANSWER_SECONDS) {
    throw badUserInput(
      `\`answerWithinSeconds\` must be from 0 to ${LONGEST_ANSWER_SECONDS}, not ${answerWithinSeconds}. For longer, submit again with the same \`idempotencyKey\`, or follow the job with \`jobUpdated\`.`,
    );
  }
  try {
    const { job, warnings } = await tracking.submitJob({ ...submission, viewer });
    return { job: await untilEnded(job, answerWithinSeconds), warnings };
  } catch (error) {
    throw toCoded(error);
  } finally {
    loaders.clear();
  }
}
