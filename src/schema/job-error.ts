import type { Builder } from "./builder.ts";

export function addJobError(builder: Builder): void {
  builder.objectType("JobError", {
    description: "Why a job FAILED.",
    fields: (t) => ({
      code: t.exposeString("code", {
        description:
          "For programs: INFERENCE_FAILED (the run itself failed), SUBMISSION_UNKNOWN (it may or may not have run), LOST (the upstream no longer knows it), EXPIRED (not ended by its deadline) or INVALID_RESPONSE (it ended, but the result can't be read).",
      }),
      message: t.exposeString("message", {
        description: "For people: what happened, and what to do next.",
      }),
      retryable: t.exposeBoolean("retryable", {
        description:
          "Whether submitting the same input again may help, without paying twice for one result.",
      }),
    }),
  });
}
