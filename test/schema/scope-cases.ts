import type { Scope } from "../../src/auth/viewer.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { loadFromParts } from "../support/load-from-parts.ts";

/** Of the deployment that operations name. */
export const CATALOGUE = catalogueOf({
  id: "wg",
  name: "Warm Glow",
  inputSchema: { type: "object", properties: { prompt: { type: "string" } } },
});

/** A part adds to them by `scope-cases.ts` of its tests. */
export type ScopeCase = readonly [needed: Scope | readonly Scope[], operation: string];

const loaded = await loadFromParts<{ readonly SCOPE_CASES: readonly ScopeCase[] }>(
  "scope-cases.ts",
);

const MATCHING = `filter: { tag: "t" }, createdBefore: "2026-01-01T00:00:00Z"`;

/** Operations that are FORBIDDEN without any of their scopes, and allowed with these alone. */
export const SCOPE_CASES: readonly ScopeCase[] = [
  ...loaded.flatMap((one) => one.SCOPE_CASES),
  ["jobs:read", `{ job(id: "job_1") { id } }`],
  ["jobs:read", `{ node(id: "job_1") { id } }`],
  ["jobs:read", `{ upload(id: "upl_1") { id } }`],
  ["jobs:read", `{ jobs { totalCount } }`],
  ["jobs:read", `{ deployment(id: "wg") { jobs { totalCount } } }`],
  ["jobs:read", `subscription { jobUpdated(id: "job_1") { id } }`],
  ["jobs:read", `subscription { jobsUpdated(after: "") { reset } }`],
  ["jobs:read:all", `{ jobs(filter: { ownerId: "web" }) { totalCount } }`],
  [
    "jobs:read:all",
    `subscription { jobsUpdated(after: "", filter: { ownerId: "web" }) { reset } }`,
  ],
  ["operate", `mutation { pauseDeployment(id: "wg", reason: "r") { __typename } }`],
  ["operate", `mutation { resumeDeployment(id: "wg") { __typename } }`],
  ["jobs:submit", `mutation { submitJob(deploymentId: "wg", input: {}) { __typename } }`],
  ["jobs:submit", `mutation { rerunJob(id: "job_1") { __typename } }`],
  ["jobs:submit", `{ checkInput(deploymentId: "wg", input: {}) { issues { path } } }`],
  ["jobs:submit", `mutation { submitWarmGlow(input: {}) { __typename } }`],
  [
    "jobs:submit",
    `mutation { createUpload(fileName: "a", contentType: "image/png", bytes: 1) { __typename } }`,
  ],
  ["jobs:submit", `mutation { editJobs(ids: ["job_1"]) { __typename } }`],
  ["jobs:read", `{ tags { tag } }`],
  ["jobs:submit", `mutation { keepOutputs(jobId: "job_1") { __typename } }`],
  ["jobs:cancel", `mutation { cancelJob(id: "job_1") { __typename } }`],
  [
    "jobs:submit",
    `mutation { submitJobs(items: [{ deploymentId: "d", input: {} }]) { __typename } }`,
  ],
  ["jobs:read", `{ heldJobs { id } }`],
  ["jobs:submit", `mutation { releaseJobs(ids: ["job_1"]) { __typename } }`],
  ["jobs:submit", `mutation { holdJobs(ids: ["job_1"]) { __typename } }`],
  ["jobs:submit", `mutation { prioritizeJobs(ids: ["job_1"], priority: 1) { __typename } }`],
  ["jobs:approve", `{ jobsToApprove { id } }`],
  ["jobs:approve", `mutation { approveJobs(ids: ["job_1"]) { __typename } }`],
  ["jobs:approve", `mutation { refuseJobs(ids: ["job_1"], reason: "no") { __typename } }`],
  ["jobs:cancel", `mutation { cancelMatchingJobs(${MATCHING}) { done } }`],
  ["jobs:cancel", `mutation { deleteMatchingJobs(${MATCHING}) { done } }`],
  ["jobs:cancel", `mutation { cancelJobs(ids: ["job_1"]) { __typename } }`],
  ["jobs:cancel", `mutation { deleteJob(id: "job_1") { __typename } }`],
  ["jobs:cancel", `mutation { deleteJobs(ids: ["job_1"]) { __typename } }`],
];
