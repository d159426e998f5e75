import type { AlsoWrite } from "../../src/engine/store/admission.ts";
import { loadFromParts } from "../support/load-from-parts.ts";
import { FOREIGN_ID, FOREIGN_KEY, FOREIGN_UPLOAD, SHARED_TAG } from "./foreign-job.ts";

type IsolationCase = readonly [title: string, operation: string];

/** What a part adds, by `isolation-cases.ts` of its tests. */
export type IsolationOfPart = {
  readonly cases?: readonly IsolationCase[];
  /** Those that a job has of it. */
  readonly jobFields?: string;
  /** What is written of it with the other owner's job. */
  readonly foreignJob?: { readonly alsoWrite: AlsoWrite };
};

const loaded = await loadFromParts<{ readonly isolation: IsolationOfPart }>("isolation-cases.ts");
const OF_PARTS = loaded.map(({ isolation }) => isolation);

/** Writes what parts have of the other owner's job. */
export const writeOfParts: AlsoWrite = async (transaction, job) => {
  for (const { foreignJob } of OF_PARTS) await foreignJob?.alsoWrite(transaction, job);
};

/** A place in the list right before that job, and with its id. */
const FOREIGN_PLACE = Buffer.from(`${Date.UTC(2026, 0, 2)}:${FOREIGN_ID}`).toString("base64url");

const TOLD = `fragment Told on Job {
  id ownerId requestId tags isStarred status input output typedOutput { __typename } ${OF_PARTS.map(({ jobFields = "" }) => jobFields).join(" ")} uploads { id fileName url } assets { url } error { code }
  cost { source usd reason } history { version status at } isFinished createdAt sentAt startedAt finishedAt
  deployment { id jobs { totalCount edges { cursor node { id } } } }
}`;

const PAGE = `totalCount edges { cursor node { ...Told } } pageInfo { startCursor endCursor hasNextPage }`;

// What becomes of a submitted job meanwhile is no part of the answer.
const SUBMITTED = `__typename
  ... on SubmitJobSuccess { job { id ownerId requestId deployment { id } } warnings { message } }
  ... on Error { message }
  ... on UpstreamError { code unconfirmedJob { id } }`;

const IDS = `["job_unknown", "${FOREIGN_ID}"]`;

/** A mutation, and those of its results that show the job. */
function toMutation(field: string, ...types: readonly string[]): string {
  const results = types.map((type) =>
    type === "DeleteJobSuccess"
      ? `... on ${type} { deletedJobId }`
      : `... on ${type} { job { ...Told } }`,
  );
  return `mutation { ${field} { __typename ${results.join(" ")} ... on Error { message } } } ${TOLD}`;
}

/** A mutation of HELD jobs; of any other it shows the job too. */
function toHeldCase(field: string): readonly [string, string] {
  const rest = { prioritizeJobs: ", priority: 1", refuseJobs: `, reason: "not this"` }[field] ?? "";
  const success = `${field.charAt(0).toUpperCase()}${field.slice(1, -1)}Success`;
  return [field, toMutation(`${field}(ids: ${IDS}${rest})`, success, "JobNotHeldError")];
}

/** Operations on jobs that are HELD, of which the others show nothing. */
export const HELD_CASES: readonly (readonly [string, string])[] = [
  ["heldJobs", `query { heldJobs(deploymentId: "wg") { ...Told } } ${TOLD}`],
  ["jobsToApprove", `query { jobsToApprove { ...Told } } ${TOLD}`],
  [
    "a job and its upload",
    `query { job(id: "${FOREIGN_ID}") { ...Told hold { reason ahead } } upload(id: "${FOREIGN_UPLOAD}") { id fileName url } } ${TOLD}`,
  ],
];

/**
 * Operations that may show a job: together they select every field of the schema through which one can be reached.
 * In `$after` they get a place in the feed from before anything happened.
 */
export const ISOLATION_CASES: readonly IsolationCase[] = [
  ...OF_PARTS.flatMap(({ cases = [] }) => cases),
  ["job", `query { job(id: "${FOREIGN_ID}") { ...Told } } ${TOLD}`],
  // Its row alone is read by another statement.
  ["job without documents", `query { job(id: "${FOREIGN_ID}") { id ownerId status } }`],
  [
    "upload",
    `query { job(id: "${FOREIGN_ID}") { id } upload(id: "${FOREIGN_UPLOAD}") { id fileName url } }`,
  ],
  ["node of a job", `query { node(id: "${FOREIGN_ID}") { id ... on Job { ...Told } } } ${TOLD}`],
  [
    "node of a deployment",
    `query { node(id: "wg") { id ... on Deployment { jobs { ${PAGE} } } } } ${TOLD}`,
  ],
  ["jobs", `query { jobs { ${PAGE} } } ${TOLD}`],
  ["jobs from the end", `query { jobs(last: 1) { ${PAGE} } } ${TOLD}`],
  ["jobs from a place on", `query { jobs(after: "${FOREIGN_PLACE}") { ${PAGE} } } ${TOLD}`],
  [
    "jobs that match",
    `query { jobs(filter: { status: [SUCCEEDED], deploymentId: "wg" }) { ${PAGE} } } ${TOLD}`,
  ],
  ["jobs of a tag", `query { jobs(filter: { tag: "${SHARED_TAG}" }) { ${PAGE} } } ${TOLD}`],
  ["jobs with a text", `query { jobs(filter: { text: "prompt-of" }) { ${PAGE} } } ${TOLD}`],
  [
    "jobs of a tag that match",
    `query { jobs(filter: { tag: "${SHARED_TAG}", status: [SUCCEEDED], deploymentId: "wg" }) { ${PAGE} } } ${TOLD}`,
  ],
  ["deployment", `query { deployment(id: "wg") { jobs { ${PAGE} } } } ${TOLD}`],
  ["deployments", `query { deployments { id jobs(first: 2) { ${PAGE} } } } ${TOLD}`],
  [
    "cancelJob",
    toMutation(`cancelJob(id: "${FOREIGN_ID}")`, "CancelJobSuccess", "JobNotCancellableError"),
  ],
  [
    "cancelJobs",
    toMutation(`cancelJobs(ids: ${IDS})`, "CancelJobSuccess", "JobNotCancellableError"),
  ],
  [
    "deleteJob",
    toMutation(`deleteJob(id: "${FOREIGN_ID}")`, "DeleteJobSuccess", "JobNotFinishedError"),
  ],
  ["deleteJobs", toMutation(`deleteJobs(ids: ${IDS})`, "DeleteJobSuccess", "JobNotFinishedError")],
  [
    "editJobs",
    toMutation(`editJobs(ids: ${IDS}, addTags: ["mine"], isStarred: true)`, "EditJobSuccess"),
  ],
  ...["releaseJobs", "holdJobs", "prioritizeJobs", "approveJobs", "refuseJobs"].map(toHeldCase),
  ["jobs with a star", `query { jobs(filter: { isStarred: true }) { ${PAGE} } } ${TOLD}`],
  [
    "jobs with a star that match",
    `query { jobs(filter: { isStarred: true, status: [SUCCEEDED], tag: "${SHARED_TAG}" }) { ${PAGE} } } ${TOLD}`,
  ],
  [
    "keepOutputs",
    toMutation(`keepOutputs(jobId: "${FOREIGN_ID}")`, "KeepOutputsSuccess", "JobNotFinishedError"),
  ],
  [
    "pauseDeployment and resumeDeployment",
    `mutation { pauseDeployment(id: "wg", reason: "r") { ... on PauseDeploymentSuccess { deployment { id paused { reason } } } }
      resumeDeployment(id: "wg") { ... on ResumeDeploymentSuccess { deployment { id paused { reason } } } }
      cancelJob(id: "${FOREIGN_ID}") { __typename ... on JobNotCancellableError { job { id } } } }`,
  ],
  [
    "rerunJob",
    `mutation { rerunJob(id: "${FOREIGN_ID}", idempotencyKey: "${FOREIGN_KEY}") { ${SUBMITTED} } }`,
  ],
  [
    "submitJobs with the same key",
    `mutation { submitJobs(items: [{ deploymentId: "wg", input: { prompt: "p" }, idempotencyKey: "${FOREIGN_KEY}" }]) { ${SUBMITTED} } }`,
  ],
  [
    "submitJob with the same key",
    `mutation { submitJob(deploymentId: "wg", input: { prompt: "p" }, idempotencyKey: "${FOREIGN_KEY}") { ${SUBMITTED} } }`,
  ],
  [
    "a generated mutation with the same key",
    `mutation { submitWarmGlow(input: { prompt: "p" }, idempotencyKey: "${FOREIGN_KEY}") { ${SUBMITTED} } }`,
  ],
  ["jobUpdated", `subscription { jobUpdated(id: "${FOREIGN_ID}") { ...Told } } ${TOLD}`],
  [
    "jobsUpdated",
    `subscription ($after: String) { jobsUpdated(after: $after) { reset job { id ownerId deployment { id } } } }`,
  ],
  [
    "jobsUpdated that match",
    `subscription ($after: String) { jobsUpdated(after: $after, filter: { deploymentId: "wg" }) { reset job { id } } }`,
  ],
  [
    "jobsUpdated of a tag",
    `subscription ($after: String) { jobsUpdated(after: $after, filter: { tag: "${SHARED_TAG}" }) { reset job { id tags } } }`,
  ],
];
