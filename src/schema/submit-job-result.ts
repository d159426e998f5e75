import { DeploymentNotFoundError } from "../job/deployment-not-found-error.ts";
import { IdempotencyConflictError } from "../job/idempotency-conflict-error.ts";
import { toPathText } from "../job/input-issue.ts";
import { InvalidInputError } from "../job/invalid-input-error.ts";
import { UpstreamError } from "../job/upstream-error.ts";
import type { Builder } from "./builder.ts";

export type SubmitJobResultRef = ReturnType<typeof addSubmitJobResult>;

/** What every mutation that submits a job answers with. */
export function addSubmitJobResult(builder: Builder) {
  builder.objectType("InputWarning", {
    description: "Something that will happen to an accepted input without a word.",
    fields: (t) => ({
      path: t.string({
        description:
          "Where in the input, e.g. `width`, in the spelling of the call; empty for the input as a whole.",
        resolve: ({ path }) => toPathText(path),
      }),
      message: t.exposeString("message", {
        description:
          "For the people who use your app: what will happen there, as a whole sentence.",
      }),
    }),
  });

  builder.objectType("SubmitJobSuccess", {
    description: "The upstream has accepted the job.",
    fields: (t) => ({
      job: t.expose("job", {
        type: "Job",
        description: "The new job, or with a known idempotency key the one it belongs to.",
      }),
      warnings: t.expose("warnings", {
        type: ["InputWarning"],
        description:
          "What the upstream will do to the input silently, such as flooring a width; empty where nothing is known.",
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
