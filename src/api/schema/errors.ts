import {
  DeploymentNotFoundError,
  IdempotencyConflictError,
  InvalidInputError,
  InvalidLabelsError,
  InvalidUploadError,
  JobNotCancellableError,
  JobNotFinishedError,
  JobNotFoundError,
  JobNotHeldError,
  UpstreamError,
} from "../../engine/job/errors.ts";
import { toPathText } from "../../engine/job/input.ts";
import type { Builder } from "./builder.ts";

/** Adds the expected failures of the mutations. */
export function addErrors(builder: Builder): void {
  builder.interfaceType("Error", {
    description:
      "An expected failure. Select `message` on this to handle failures that you don't know. Each type's description says what a programmer can do.",
    fields: (t) => ({
      message: t.exposeString("message", {
        description:
          "What went wrong and what to do about it, written for your app's users. Show it as it is.",
      }),
    }),
  });

  builder.objectType("InputIssue", {
    description: "Something that is wrong with an input.",
    fields: (t) => ({
      path: t.string({
        description:
          "Where in the input, e.g. `width` or `prompts[0].text`; empty for the input as a whole.",
        resolve: ({ path }) => toPathText(path),
      }),
      message: t.exposeString("message", {
        description:
          "Written for your app's users, to be read after the field's name: `is 5000; the most is 4096`. If RunComfy refused the input, it is in RunComfy's words. The rule behind it is in the deployment's `inputSchema`.",
      }),
    }),
  });

  for (const [type, description, issues] of INVALID)
    builder.objectType(type, {
      name: type.name,
      description,
      interfaces: ["Error"],
      fields: (t) => ({
        issues: t.expose("issues", { type: ["InputIssue"], description: issues }),
      }),
    });

  builder.objectType(DeploymentNotFoundError, {
    name: "DeploymentNotFoundError",
    description:
      "Neither the gateway nor RunComfy knows this deployment, or RunComfy runs a ComfyUI workflow there that the gateway's file does not list. Nothing ran. Take an id from `deployments` or from RunComfy's dashboard, or add the workflow to the file.",
    interfaces: ["Error"],
  });

  builder.objectType(IdempotencyConflictError, {
    name: "IdempotencyConflictError",
    description:
      "The idempotency key belongs to a job with another deployment or input, or to one that was deleted less than a day ago. Nothing ran. Make a new key for a new job.",
    interfaces: ["Error"],
  });

  builder.objectType(JobNotFoundError, {
    name: "JobNotFoundError",
    description:
      "You own no job with this id, so nothing was done. Being allowed to read somebody else's job is not enough, except to approve or refuse it. Take an id from a `Job`.",
    interfaces: ["Error"],
  });

  builder.objectType(JobNotCancellableError, {
    name: "JobNotCancellableError",
    description:
      "It is too late: the job is running or has ended. Check `isCancellable` beforehand.",
    interfaces: ["Error"],
    fields: (t) => ({
      job: t.expose("job", {
        type: "Job",
        description: "The job as it is now; its `status` says which.",
      }),
    }),
  });

  builder.objectType(JobNotFinishedError, {
    name: "JobNotFinishedError",
    description:
      "The job has not ended yet, so nothing was done. Check `isFinished` beforehand, or wait for the end with `jobUpdated`.",
    interfaces: ["Error"],
    fields: (t) => ({
      job: t.expose("job", { type: "Job", description: "The job as it is now." }),
    }),
  });

  builder.objectType(JobNotHeldError, {
    name: "JobNotHeldError",
    description:
      "The job is not HELD, or does not wait for an approval that could be refused, so nothing was done.",
    interfaces: ["Error"],
    fields: (t) => ({
      job: t.expose("job", {
        type: "Job",
        description: "The job as it is now; its `status` says how far it is.",
      }),
    }),
  });

  builder.objectType(UpstreamError, {
    name: "UpstreamError",
    description: "RunComfy refused, failed, or gave an unreadable answer.",
    interfaces: ["Error"],
    fields: (t) => ({
      code: t.exposeString("code", { description: UPSTREAM_CODES }),
      retryable: t.exposeBoolean("retryable", {
        description: "Whether the very same call may succeed a little later, without paying twice.",
      }),
      retryAfterSeconds: t.exposeInt("retryAfterSeconds", {
        nullable: true,
        description:
          "How long to wait before the same call: RunComfy's own figure or, when too many submits are waiting in the gateway, an estimate. Null when not known.",
      }),
      unconfirmedJob: t.expose("unconfirmedJob", {
        type: "Job",
        nullable: true,
        description:
          "The job that RunComfy may have accepted and may charge for; null unless `code` is SUBMISSION_UNKNOWN.",
      }),
    }),
  });
}

/** What each says of itself, and of its issues. */
const INVALID = [
  [
    InvalidInputError,
    "The input does not fit the deployment. Nothing ran, and nothing was stored. Show each of the `issues` beside its field.",
    "What is wrong: at least one issue, and all of them up to a limit.",
  ],
  [
    InvalidLabelsError,
    "A tag is not valid, or the job would have too many. The job is unchanged.",
    "What is wrong in `addTags`, in `removeTags`, or in the `tags` that the job would have.",
  ],
  [
    InvalidUploadError,
    "An argument is wrong, or RunComfy can't fetch uploads from this gateway. Nothing was stored.",
    "What is wrong with the arguments; empty if the gateway can't take uploads at all.",
  ],
] as const;

const UPSTREAM_CODES = `For programs. What it means, and what the gateway's operator can do:

- UNAUTHORIZED: RunComfy does not accept the gateway's token. Set a valid \`RUNCOMFY_API_TOKEN\`.
- FORBIDDEN: the deployment belongs to another account than the gateway's token. Change one of the two.
- NOT_FOUND: RunComfy does not know the job under its deployment. Check that the deployment still exists.
- INSUFFICIENT_FUNDS: the account is out of credit. Top it up.
- DEPLOYMENT_DISABLED, DEPLOYMENT_DELETED: enable it on RunComfy's dashboard, or offer another one.
- DEPLOYMENT_PAUSED: an operator has paused it here, for the reason in \`message\`. Resume it with \`resumeDeployment\`.
- PAUSED: the job was sent to the sandbox or to another account than the one in use. Start the gateway with that upstream to continue it.
- RATE_LIMITED, UNAVAILABLE, TIMEOUT: these pass. If they last, read the gateway's log.
- REJECTED: any other refusal. Compare the input with the deployment's schema.
- INVALID_RESPONSE: the answer can't be read. If it lasts, read the gateway's log.
- SUBMISSION_UNKNOWN: RunComfy may have accepted the job. Look for it on RunComfy's dashboard; if it is not there, submit it again with a new idempotency key.`;
