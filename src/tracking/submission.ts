import { createHash } from "node:crypto";

import { checkJson, textProblem } from "../job/check-input.ts";
import { DeploymentNotFoundError } from "../job/deployment-not-found-error.ts";
import { isIdentifier } from "../job/identifier.ts";
import type { InputIssue } from "../job/input-issue.ts";
import { InvalidInputError } from "../job/invalid-input-error.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { isJsonObject, toCanonicalJson } from "../job/json.ts";
import type { SubmissionKey } from "../store/job-store.ts";

/** What a caller asks for; `input` may still be any JSON. */
export type SubmissionRequest = {
  readonly deploymentId: string;
  readonly input: JsonValue;
  readonly idempotencyKey: string | null;
};

/** What can be submitted. */
export type Submission = {
  readonly deploymentId: string;
  readonly input: JsonObject;
  readonly submissionKey: SubmissionKey | null;
};

const LONGEST_KEY = 255;

/** Checks what is asked for; throws InvalidInputError with all its issues, or DeploymentNotFoundError. */
export function toSubmission(request: SubmissionRequest): Submission {
  const { deploymentId, input, idempotencyKey } = request;
  if (!isIdentifier(deploymentId)) throw new DeploymentNotFoundError(deploymentId);
  const keyIssues = idempotencyKey === null ? [] : checkKey(idempotencyKey);
  if (!isJsonObject(input)) {
    throw new InvalidInputError([
      { path: [], message: "is not a JSON object; send one with a member for each field" },
      ...keyIssues,
    ]);
  }
  const issues = [...keyIssues, ...checkJson(input)];
  if (issues.length > 0) throw new InvalidInputError(issues);
  if (idempotencyKey === null) return { deploymentId, input, submissionKey: null };
  return {
    deploymentId,
    input,
    submissionKey: { key: idempotencyKey, fingerprint: toFingerprint(deploymentId, input) },
  };
}

function checkKey(key: string): InputIssue[] {
  const problem =
    key.length === 0 || key.length > LONGEST_KEY
      ? `has to be 1 to ${LONGEST_KEY} characters long; a UUID serves well`
      : textProblem(key);
  return problem === null ? [] : [{ path: ["idempotencyKey"], message: problem }];
}

function toFingerprint(deploymentId: string, input: JsonObject): string {
  return createHash("sha256")
    .update(toCanonicalJson([deploymentId, input]))
    .digest("hex");
}
