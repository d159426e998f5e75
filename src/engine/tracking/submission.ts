import { createHash } from "node:crypto";

import type { Viewer } from "../../auth/viewer.ts";
import {
  type Catalogue,
  type Deployment,
  runsUnlisted,
  toUnlisted,
} from "../deployments/catalogue.ts";
import { checkInput } from "../deployments/check-input.ts";
import { checkJson, textProblem, checkTags } from "../job/input.ts";
import { DeploymentNotFoundError, InvalidInputError } from "../job/errors.ts";
import { MAX_PRIORITY, type QueueOptions } from "../job/hold.ts";
import type { InputIssue, Spelling } from "../job/input.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { isJsonObject, toCanonicalJson } from "../job/json.ts";
import type { JobKind } from "../job/kind.ts";
import { toWork } from "../job/run-times.ts";
import { DEFAULT_KIND, findKind, findKindById } from "../runcomfy/kinds/find-kind.ts";
import type { LiveDeployments } from "../runcomfy/live-deployments.ts";
import { clock } from "../../runtime/environment.ts";
import type { AlsoWrite } from "../store/admission.ts";
import type { Repeats, SubmissionKey } from "../store/submits.ts";

/** What a caller asks for; `input` may still be any JSON. */
export type SubmissionRequest = {
  /** Whose job it will be, and whose limits it counts against. */
  readonly viewer: Viewer;
  readonly deploymentId: string;
  /** What the deployment has to be, if that is known: another kind would take another input. */
  readonly kind?: JobKind;
  /** In the upstream's spelling. */
  readonly input: unknown;
  readonly idempotencyKey: string | null;
  /** By default it repeats no other, and none repeats it, but by its key. */
  readonly repeats?: Repeats;
  readonly tags?: readonly string[];
  /** What options of parts write with the row. */
  readonly alsoWrite?: AlsoWrite | undefined;
  /** How it waits here before it is sent; it is sent at once where that is not given. */
  readonly queue?: QueueOptions | null;
  /** How the caller spells the input's paths; as the upstream does by default. */
  readonly spell?: Spelling;
};

/** Which of the viewer's jobs to run again, and what to change in its input; any JSON. */
export type RerunRequest = Omit<SubmissionRequest, "deploymentId" | "kind" | "input" | "spell"> & {
  readonly jobId: string;
  readonly changes: unknown;
};

/** A request that can be stored and compared, and what the catalogue says of it. */
export type Submission = {
  readonly viewer: Viewer;
  readonly deploymentId: string;
  readonly kind: JobKind;
  /** As it was given. */
  readonly input: JsonObject;
  /** What is POSTed for the input, in which uploads have become URLs. */
  readonly toBody: Deployment["toBody"];
  /** How much the input asks for, as `toWork` says. */
  readonly work: number;
  readonly warnings: readonly InputIssue[];
  readonly submissionKey: SubmissionKey | null;
  /** Each once. */
  readonly tags: readonly string[];
  readonly alsoWrite: AlsoWrite | undefined;
  readonly queue: QueueOptions | null;
  readonly spell: Spelling;
  /** Why it is not submitted, unless its key has a job already. */
  readonly refusal: InvalidInputError | DeploymentNotFoundError | null;
};

/** What stands behind `upload:ID` in an input. */
export type UploadsOfInputs = {
  /** The uploads that an input names. Rejects with an `InvalidInputError` unless all have come and are the viewer's. */
  check(
    input: JsonObject,
    submission: Pick<Submission, "spell"> & { readonly viewer: Pick<Viewer, "ownerId"> },
  ): Promise<readonly string[]>;
  /** The input as RunComfy gets it, with URLs in place of these uploads. */
  toSent(input: JsonObject, ids: readonly string[]): Promise<JsonObject>;
};

/** What a submit would say of an input. */
export type InputCheck = {
  /** Empty where it would be submitted. */
  readonly issues: readonly InputIssue[];
  readonly warnings: readonly InputIssue[];
  /** As the job would keep it; null where it could not be kept. */
  readonly input: JsonObject | null;
};

/** What is known of deployments. */
export type Known = {
  readonly catalogue: Catalogue;
  readonly live: Pick<LiveDeployments, "findKind">;
};

const MAX_KEY_LENGTH = 255;

/** For who submits without one, and is held all the same. */
export const AT_ITS_TURN: QueueOptions = {
  priority: 0,
  sendAfter: null,
  sendBefore: null,
  hold: false,
};

/**
 * Throws InvalidInputError for what can't be stored or compared, and DeploymentNotFoundError for what is no id. The
 * catalogue's objections are the result's `refusal`.
 */
export function toSubmission(
  request: SubmissionRequest,
  { catalogue }: Pick<Known, "catalogue">,
): Submission {
  const { viewer, deploymentId, input, idempotencyKey } = request;
  const { repeats, tags = [], spell = asItIs } = request;
  const listed = catalogue.find(deploymentId);
  // Only what is listed may be of another kind.
  if (listed === null && !DEFAULT_KIND.adapter.isId(deploymentId))
    throw notFound(deploymentId, catalogue);
  const keyIssues = idempotencyKey === null ? [] : checkKey(idempotencyKey);
  const argumentIssues = [...keyIssues, ...checkTags(tags)];
  if (!isJsonObject(input)) throw notAnObject([], argumentIssues);
  const { issues: jsonIssues } = checkJson(input);
  const issues = [...argumentIssues, ...jsonIssues.map((issue) => respell(issue, spell))];
  if (issues.length > 0) throw new InvalidInputError(issues);
  const deployment = listed ?? toUnlisted(deploymentId);
  const { kind, toBody, input: contract } = deployment;
  const { issues: inputIssues, warnings } = checkInput(deployment, input, spell);
  const objections = [...inputIssues, ...checkQueue(request.queue ?? null)];
  const isUnlisted = !catalogue.hasOthers && listed === null;
  const isOther = request.kind !== undefined && request.kind !== kind;
  const isChanged = isOther && listed !== null;
  const isKeyed = idempotencyKey !== null || repeats !== undefined;
  const submissionKey = isKeyed
    ? { key: idempotencyKey, fingerprint: toFingerprint(deploymentId, input), repeats }
    : null;
  const invalid = objections.length === 0 ? null : new InvalidInputError(objections);
  const changed = isChanged ? new DeploymentNotFoundError(deploymentId, { isChanged }) : null;
  const missing = isUnlisted || isOther ? notFound(deploymentId, catalogue) : null;
  const refusal = changed ?? missing ?? invalid;
  return {
    viewer,
    deploymentId,
    kind,
    input,
    toBody,
    work: toWork(input, contract?.defaults),
    warnings,
    submissionKey,
    tags: [...new Set(tags)],
    alsoWrite: request.alsoWrite,
    queue: request.queue ?? (viewer.credential.needsApproval ? AT_ITS_TURN : null),
    spell,
    refusal,
  };
}

/**
 * Rejects with a `DeploymentNotFoundError` where RunComfy lists what runs only if the file does too. It may wait for that
 * list, so a caller must hold nothing that others wait for.
 */
export async function refuseUnlisted(
  deploymentId: string,
  { catalogue, live }: Known,
): Promise<void> {
  const mayRun = catalogue.hasOthers && DEFAULT_KIND.adapter.isId(deploymentId);
  if (!mayRun || catalogue.find(deploymentId) !== null) return;
  const kind = await live.findKind(deploymentId);
  if (kind !== null && !runsUnlisted(kind))
    throw new DeploymentNotFoundError(deploymentId, { unlisted: findKind(kind).noun });
}

/** Rejects with a `DeploymentNotFoundError` unless the deployment may run here. It may wait as `refuseUnlisted` does. */
export async function refuseMissing(deploymentId: string, known: Known): Promise<void> {
  const { catalogue } = known;
  const mayRun = catalogue.hasOthers && DEFAULT_KIND.adapter.isId(deploymentId);
  if (!mayRun && catalogue.find(deploymentId) === null) throw notFound(deploymentId, catalogue);
  await refuseUnlisted(deploymentId, known);
}

/** Checks inputs as submits do, without one. */
export class InputChecker {
  readonly #given;

  constructor(dependencies: Known & { readonly uploads: Pick<UploadsOfInputs, "check"> }) {
    this.#given = dependencies;
  }

  /** What a submit would say of an input. Rejects with a `DeploymentNotFoundError`. */
  async checkInput(
    request: Pick<SubmissionRequest, "viewer" | "deploymentId" | "input" | "spell">,
  ): Promise<InputCheck> {
    await refuseUnlisted(request.deploymentId, this.#given);
    // What was given may be nested so deep that nothing could make it into text.
    let kept: Omit<InputCheck, "issues"> = { warnings: [], input: null };
    try {
      const submission = toSubmission({ ...request, idempotencyKey: null }, this.#given);
      kept = { warnings: submission.warnings, input: submission.input };
      if (submission.refusal !== null) throw submission.refusal;
      await this.#given.uploads.check(submission.input, submission);
      return { ...kept, issues: [] };
    } catch (error) {
      if (error instanceof InvalidInputError) return { ...kept, issues: error.issues };
      throw error;
    }
  }
}

/** The input with the members of `changes` put over it; null takes one away. Throws an `InvalidInputError`. */
export function changeInput(input: JsonObject, changes: unknown): JsonObject {
  if (!isJsonObject(changes)) throw notAnObject(["changes"]);
  // Before it is made into text, for which it may be nested too deep.
  const { issues } = checkJson(changes);
  if (issues.length > 0) throw new InvalidInputError(issues);
  const names = Object.keys(changes);
  if (names.length === 0) return input;
  const changed = { ...input, ...changes };
  for (const name of names) if (changes[name] === null) Reflect.deleteProperty(changed, name);
  return changed;
}

/** Says of what the job had, and the caller left as it was, what to do about it. */
export function explainKept(
  error: InvalidInputError,
  kept: JsonObject,
  changes: object,
): InvalidInputError {
  const issues = error.issues.map(({ path, message }) => {
    const [member = ""] = path;
    const isKept = Object.hasOwn(kept, member) && !Object.hasOwn(changes, member);
    return { path, message: isKept ? `${message}; change it as you run the job again` : message };
  });
  return new InvalidInputError(issues, { cause: error });
}

function notAnObject(path: InputIssue["path"], others: readonly InputIssue[] = []) {
  const message = "must be an object; put the fields into {…}";
  return new InvalidInputError([{ path, message }, ...others]);
}

function notFound(deploymentId: string, catalogue: Catalogue): DeploymentNotFoundError {
  const nearMisses = catalogue.findNearMisses(deploymentId);
  const isUsual = DEFAULT_KIND.adapter.isId(deploymentId);
  const unlisted = isUsual ? null : (findKindById(deploymentId)?.noun ?? null);
  return new DeploymentNotFoundError(deploymentId, { nearMisses, unlisted });
}

/** What RunComfy found at a path of the body, at the caller's path that leads there. */
export function toInputIssue(
  issue: InputIssue,
  { input, toBody, spell }: Pick<Submission, "input" | "toBody" | "spell">,
): InputIssue {
  for (const name of Object.keys(input)) {
    const mark: JsonObject = {};
    const at = findPath(toBody({ [name]: mark }), mark) ?? [];
    const isThere = at.length > 0 && at.every((segment, depth) => segment === issue.path[depth]);
    if (isThere) return respell({ ...issue, path: [name, ...issue.path.slice(at.length)] }, spell);
  }
  return respell(issue, spell);
}

/** Where a value itself stands among the members of objects. */
function findPath(body: JsonValue, sought: JsonValue): readonly string[] | null {
  if (body === sought) return [];
  if (!isJsonObject(body)) return null;
  for (const [name, member] of Object.entries(body)) {
    const path = findPath(member, sought);
    if (path !== null) return [name, ...path];
  }
  return null;
}

/** The same issue in the caller's spelling. */
function respell(issue: InputIssue, spell: Spelling): InputIssue {
  return { ...issue, path: spell(issue.path) };
}

export const asItIs: Spelling = (path) => path;

function checkKey(key: string): InputIssue[] {
  const problem =
    key.length === 0 || key.length > MAX_KEY_LENGTH
      ? `has to be 1 to ${MAX_KEY_LENGTH} characters long; a UUID serves well`
      : textProblem(key);
  return problem === null ? [] : [{ path: ["idempotencyKey"], message: problem }];
}

function checkQueue(queue: QueueOptions | null): InputIssue[] {
  if (queue === null) return [];
  const { priority, sendAfter, sendBefore } = queue;
  const at = (name: keyof QueueOptions, message: string) => [{ path: ["queue", name], message }];
  if (Math.abs(priority) > MAX_PRIORITY)
    return at("priority", `has to be from -${MAX_PRIORITY} to ${MAX_PRIORITY}`);
  if (sendBefore === null) return [];
  if (sendBefore.getTime() <= clock.now())
    return at("sendBefore", "is in the past; choose a later time, or leave it out");
  if (sendAfter !== null && sendBefore <= sendAfter)
    return at("sendBefore", "has to be after `sendAfter`; choose a later time");
  return [];
}

function toFingerprint(deploymentId: string, input: JsonObject): string {
  return createHash("sha256")
    .update(toCanonicalJson([deploymentId, input]))
    .digest("hex");
}
