import type { Builder } from "./builder.ts";

export function addJobError(builder: Builder): void {
  builder.objectType("JobError", {
    description: "Why a job FAILED.",
    fields: (t) => ({
      code: t.exposeString("code", {
        description: CODES,
      }),
      message: t.exposeString("message", {
        description:
          "For the people who use your app: what happened, and what they can do. Show it as it is.",
      }),
      retryable: t.exposeBoolean("retryable", {
        description:
          "Whether submitting the same input again may help, without paying twice for one result.",
      }),
    }),
  });
}

const CODES = `For programs; beside each, what whoever runs the gateway can do:

- INFERENCE_FAILED: the run itself failed.
- SUBMISSION_UNKNOWN: it may or may not have run. Look for it on RunComfy's dashboard before it is submitted again.
- LOST: RunComfy no longer knows it.
- EXPIRED: it did not end within \`JOB_DEADLINE_SECONDS\`. Look for it on RunComfy's dashboard.
- INVALID_RESPONSE: it ended, but the result can't be read. Look for it on RunComfy's dashboard.`;
