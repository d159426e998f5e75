import { isIdentifier } from "../job/identifier.ts";
import type { JobFilter } from "../store/job-store.ts";
import type { Builder } from "./builder.ts";
import { badUserInput } from "./coded-errors.ts";
import type { JobStatusRef } from "./job-status.ts";

export type JobFilterRef = ReturnType<typeof addJobFilter>;

export function addJobFilter(builder: Builder, jobStatus: JobStatusRef) {
  return builder.inputType("JobFilter", {
    description:
      "Which jobs: those for which every given condition holds. Null is as good as not given.",
    fields: (t) => ({
      status: t.field({
        type: [jobStatus],
        description: "One of these; an empty list matches no job.",
      }),
      deploymentId: t.id({
        description: "The deployment's id, as the vendor's dashboard shows it.",
      }),
      createdAfter: t.field({
        type: "DateTime",
        description: "Submitted later than this moment, not at it.",
      }),
      createdBefore: t.field({
        type: "DateTime",
        description: "Submitted earlier than this moment, not at it.",
      }),
    }),
  });
}

/** The store's words for a client's filter. */
export function toJobFilter(filter: JobFilterRef["$inferInput"] | null | undefined): JobFilter {
  const { status, deploymentId, createdAfter, createdBefore } = filter ?? {};
  if (typeof deploymentId === "string" && !isIdentifier(deploymentId)) {
    throw badUserInput(
      "`filter.deploymentId` can't be a deployment's id. Take one from the `deployments` query.",
    );
  }
  return {
    ...(status && { statuses: status }),
    ...(typeof deploymentId === "string" && { deploymentId }),
    ...(createdAfter && { createdAfter }),
    ...(createdBefore && { createdBefore }),
  };
}
