import type { Scope } from "../../auth/viewer.ts";
import { badUserInput } from "../../runtime/coded-error.ts";
import { foldText, searchTextProblem, tagProblem, textProblem } from "../job/input.ts";
import type { JobStatus } from "../job/job.ts";
import { isDeploymentId } from "../runcomfy/kinds/find-kind.ts";
import type { JobFilter } from "../store/list-jobs.ts";

/** Which jobs a caller asks for; a condition that is null or missing doesn't restrict them. */
export type GivenFilter =
  | { readonly [Condition in keyof Conditions]?: Conditions[Condition] | null | undefined }
  | null
  | undefined;

type Conditions = Omit<JobFilter, "statuses"> & { readonly status?: readonly JobStatus[] };

/** The scope that a list or a feed with this filter needs. */
export function scopeOf(filter: GivenFilter): Scope {
  return typeof filter?.ownerId === "string" ? "jobs:read:all" : "jobs:read";
}

/** Says what is wrong with a text of a filter, and where to get a better one. */
const FILTER_CHECKS = [
  [
    "deploymentId",
    (id: string) => (isDeploymentId(id) ? null : "can't be a deployment's id"),
    "Take one from the `deployments` query.",
  ],
  ["ownerId", textProblem, "Take one from a job's `ownerId`."],
  ["tag", tagProblem, "Take one from a job's `tags`."],
  ["text", searchTextProblem, "Give some letters of the prompt."],
] as const;

/** The store's filter; throws BAD_USER_INPUT for what can't be a `deploymentId`, an `ownerId`, a `tag` or a `text`. */
export function toJobFilter(filter: GivenFilter): JobFilter {
  const { status, deploymentId, ownerId, tag, isStarred, text } = filter ?? {};
  const { createdAfter, createdBefore } = filter ?? {};
  for (const [name, findProblem, nextStep] of FILTER_CHECKS) {
    const given = filter?.[name];
    const problem = typeof given === "string" ? findProblem(given) : null;
    if (problem !== null) throw badUserInput(`\`filter.${name}\` ${problem}. ${nextStep}`);
  }
  return {
    ...(typeof deploymentId === "string" && { deploymentId }),
    ...(typeof ownerId === "string" && { ownerId }),
    ...(typeof tag === "string" && { tag }),
    ...(typeof isStarred === "boolean" && { isStarred }),
    ...(typeof text === "string" && { text: foldText(text) }),
    ...(status && { statuses: status }),
    ...(createdAfter && { createdAfter }),
    ...(createdBefore && { createdBefore }),
  };
}
