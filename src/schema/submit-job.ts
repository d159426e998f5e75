import { DeploymentNotFoundError } from "../job/deployment-not-found-error.ts";
import { IdempotencyConflictError } from "../job/idempotency-conflict-error.ts";
import { InvalidInputError } from "../job/invalid-input-error.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { isJsonObject } from "../job/json.ts";
import { UpstreamError } from "../job/upstream-error.ts";
import type { Builder } from "./builder.ts";

export function addSubmitJob(builder: Builder): void {
  builder.mutationField("submitJob", (t) =>
    t.field({
      type: "Job",
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
            "An object that fits the deployment's `inputSchema`; files are given as public https URLs.",
        }),
        idempotencyKey: t.arg.string({
          description:
            "A text of your choice that makes it safe to call again: the same key with the same deployment and input gives the same job. Null submits a new job each time.",
        }),
      },
      errors: {
        types: [
          InvalidInputError,
          DeploymentNotFoundError,
          IdempotencyConflictError,
          UpstreamError,
        ],
        union: { name: "SubmitJobResult", description: "The job, or why there is none." },
        result: { name: "SubmitJobSuccess", description: "The upstream has accepted the job." },
        dataField: {
          name: "job",
          description: "The new job, or with a known idempotency key the one it belongs to.",
        },
      },
      resolve: async (_root, { deploymentId, input, idempotencyKey }, { tracking, loaders }) => {
        const submission = {
          deploymentId,
          input: toObject(input),
          idempotencyKey: idempotencyKey ?? null,
        };
        const job = await tracking.submitJob(submission);
        loaders.clear();
        return job;
      },
    }),
  );
}

function toObject(input: JsonValue | undefined): JsonObject {
  if (isJsonObject(input)) return input;
  throw new InvalidInputError([
    { path: [], message: "must be an object; put the fields into {…}" },
  ]);
}
