import { DeploymentNotFoundError } from "../job/deployment-not-found-error.ts";
import { IdempotencyConflictError } from "../job/idempotency-conflict-error.ts";
import { toPathText } from "../job/input-issue.ts";
import { InvalidInputError } from "../job/invalid-input-error.ts";
import { JobNotCancellableError } from "../job/job-not-cancellable-error.ts";
import { JobNotFinishedError } from "../job/job-not-finished-error.ts";
import { JobNotFoundError } from "../job/job-not-found-error.ts";
import { UpstreamError } from "../job/upstream-error.ts";
import type { Builder } from "./builder.ts";

/** The expected failures of the mutations. */
export function addErrors(builder: Builder): void {
  builder.interfaceType("Error", {
    description:
      "An expected failure. Select `message` on this to handle those that you don't know.",
    fields: (t) => ({
      message: t.exposeString("message", {
        description: "For people: what went wrong, and what to do next.",
      }),
    }),
  });

  builder.objectType("InputIssue", {
    description: "One thing that is wrong with an input.",
    fields: (t) => ({
      path: t.string({
        description:
          "Where in the input, e.g. `width` or `prompts[0].text`; empty for the input as a whole.",
        resolve: ({ path }) => toPathText(path),
      }),
      message: t.exposeString("message", {
        description:
          "For people: what is wrong there and what to do, to be read after the name of the field: `is 5000; the most is 4096`. Where the upstream refused it, in its own words.",
      }),
    }),
  });

  builder.objectType(InvalidInputError, {
    name: "InvalidInputError",
    description: "The input does not fit the deployment. Nothing was run, nothing was kept.",
    interfaces: ["Error"],
    fields: (t) => ({
      issues: t.expose("issues", {
        type: ["InputIssue"],
        description: "Everything that was found wrong, up to a bound; never empty.",
      }),
    }),
  });

  builder.objectType(DeploymentNotFoundError, {
    name: "DeploymentNotFoundError",
    description:
      "Neither the gateway's catalogue nor the upstream has this deployment. Nothing was run.",
    interfaces: ["Error"],
  });

  builder.objectType(IdempotencyConflictError, {
    name: "IdempotencyConflictError",
    description:
      "The idempotency key belongs to a job with another deployment or input, or to one that was deleted within a day. Nothing was run.",
    interfaces: ["Error"],
  });

  builder.objectType(JobNotFoundError, {
    name: "JobNotFoundError",
    description:
      "No job has this id, so nothing was done; another owner's job counts as none, also for who may read it.",
    interfaces: ["Error"],
  });

  builder.objectType(JobNotCancellableError, {
    name: "JobNotCancellableError",
    description: "It is too late: the job already runs or has already ended.",
    interfaces: ["Error"],
    fields: (t) => ({
      job: t.expose("job", {
        type: "Job",
        description: "The job as it is now; its `status` says which of the two.",
      }),
    }),
  });

  builder.objectType(JobNotFinishedError, {
    name: "JobNotFinishedError",
    description: "The job has not ended yet, and nothing was deleted.",
    interfaces: ["Error"],
    fields: (t) => ({
      job: t.expose("job", { type: "Job", description: "The job as it is now." }),
    }),
  });

  builder.objectType(UpstreamError, {
    name: "UpstreamError",
    description: "The upstream refused, failed, or could not be understood.",
    interfaces: ["Error"],
    fields: (t) => ({
      code: t.exposeString("code", {
        description:
          "For programs: UNAUTHORIZED, FORBIDDEN, NOT_FOUND, INSUFFICIENT_FUNDS, DEPLOYMENT_DISABLED, DEPLOYMENT_DELETED, RATE_LIMITED, UNAVAILABLE, TIMEOUT, REJECTED (any other refusal), INVALID_RESPONSE or SUBMISSION_UNKNOWN (it may have been accepted all the same).",
      }),
      retryable: t.exposeBoolean("retryable", {
        description: "Whether the very same call may succeed a little later, without paying twice.",
      }),
      retryAfterSeconds: t.exposeInt("retryAfterSeconds", {
        nullable: true,
        description:
          "How long to wait before the same call: what the upstream asked for or, where too many submits wait in the gateway already, an estimate from how long the last ones took. Null when nobody can say.",
      }),
      unconfirmedJob: t.expose("unconfirmedJob", {
        type: "Job",
        nullable: true,
        description:
          "The job that the upstream may have accepted, and charge for, all the same; null unless `code` is SUBMISSION_UNKNOWN.",
      }),
    }),
  });
}
