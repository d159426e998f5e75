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
      "An expected failure. Select `message` on this to handle those that you don't know. What a programmer can do about each is told by its type.",
    fields: (t) => ({
      message: t.exposeString("message", {
        description:
          "For the people who use your app: what went wrong, and what they can do. Show it as it is.",
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
          "For the people who use your app, to be read after the name of the field: `is 5000; the most is 4096`. Where the upstream refused it, in its own words. The rule behind it is in the deployment's `inputSchema`.",
      }),
    }),
  });

  builder.objectType(InvalidInputError, {
    name: "InvalidInputError",
    description:
      "The input does not fit the deployment. Nothing was run, nothing was kept. Show each of the `issues` beside its field.",
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
      "Neither the gateway's catalogue nor the upstream has this deployment. Nothing was run. Take an id from `deployments`, or from RunComfy's dashboard.",
    interfaces: ["Error"],
  });

  builder.objectType(IdempotencyConflictError, {
    name: "IdempotencyConflictError",
    description:
      "The idempotency key belongs to a job with another deployment or input, or to one that was deleted within a day. Nothing was run. Make a new key for a new job.",
    interfaces: ["Error"],
  });

  builder.objectType(JobNotFoundError, {
    name: "JobNotFoundError",
    description:
      "No job has this id, so nothing was done; another owner's job counts as none, also for who may read it. Take an id from a `Job`.",
    interfaces: ["Error"],
  });

  builder.objectType(JobNotCancellableError, {
    name: "JobNotCancellableError",
    description:
      "It is too late: the job already runs or has already ended. `isCancellable` tells beforehand.",
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
    description:
      "The job has not ended yet, and nothing was deleted. `isFinished` tells beforehand, and `jobUpdated` when it ends.",
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
        description: UPSTREAM_CODES,
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

const UPSTREAM_CODES = `For programs; beside each, what whoever runs the gateway can do:

- UNAUTHORIZED: RunComfy does not accept the gateway's token. Set a valid \`RUNCOMFY_API_TOKEN\`.
- FORBIDDEN: the deployment belongs to another account than the gateway's token. Correct one of the two.
- NOT_FOUND: RunComfy does not know the job under its deployment. Check that the deployment still exists.
- INSUFFICIENT_FUNDS: top up the account.
- DEPLOYMENT_DISABLED, DEPLOYMENT_DELETED: enable it on RunComfy's dashboard, or offer another one.
- RATE_LIMITED, UNAVAILABLE, TIMEOUT: it passes. If it lasts, look into the gateway's log.
- REJECTED: any other refusal. Compare the input with the deployment's schema.
- INVALID_RESPONSE: the answer can't be read. If it lasts, look into the gateway's log.
- SUBMISSION_UNKNOWN: it may have been accepted all the same. Look at RunComfy's dashboard, then submit again under a new idempotency key.`;
