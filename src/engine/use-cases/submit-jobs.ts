import { requireScopes } from "../../auth/viewer.ts";
import { badUserInput } from "../../runtime/coded-error.ts";
import { clock } from "../../runtime/environment.ts";
import type { Caller } from "../caller.ts";
import type { QueueOptions } from "../job/hold.ts";
import { publishRefusal } from "../diagnostics/channels.ts";
import { JobNotFoundError } from "../job/errors.ts";
import { isIdentifier } from "../job/job.ts";
import type { AlsoWrite } from "../store/admission.ts";
import type { SubmissionRequest } from "../tracking/submission.ts";
import type { Submitted } from "../tracking/submit-job.ts";

export const MAX_ITEMS = 100;
/** Short enough for the time-outs of proxies and HTTP clients. */
export const MAX_ANSWER_SECONDS = 20;

/** What every submit may be given. */
export type SubmitArguments = {
  readonly idempotencyKey?: string | null | undefined;
  readonly tags?: readonly string[] | null | undefined;
  /** How long to wait for the job's end, from the beginning of the operation on; 0 by default. */
  readonly answerWithinSeconds?: number | null | undefined;
  /** How the job waits here before it is sent; it is sent at once where that is not given. */
  readonly queue?: QueueOptions | null | undefined;
  /** What parts add, by their names among the engine's `submitOptions`; texts; null counts as not given. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
};

export type SubmitRequest = SubmitArguments &
  Pick<SubmissionRequest, "deploymentId" | "spell" | "repeats"> & {
    /** Any JSON, in RunComfy's spelling. */
    readonly input?: unknown;
  };

/**
 * Submits a job for the viewer, and resolves once RunComfy has accepted it, or it is HELD, or as long after that as the caller
 * asks to wait for its end. Rejects with InvalidInputError, DeploymentNotFoundError, IdempotencyConflictError, UpstreamError or a
 * `CodedError`.
 */
export async function submitJob(caller: Caller, request: SubmitRequest): Promise<Submitted> {
  const { viewer, engine } = caller;
  requireScopes(viewer, "jobs:submit");
  const { input, options, answerWithinSeconds, tags, queue = null, ...asked } = request;
  const { idempotencyKey = null } = asked;
  checkPatience(answerWithinSeconds);
  const alsoWrite = admitOptions(caller, options);
  const submitting = engine.submitter.submitJob({
    ...asked,
    ...{ input, viewer, idempotencyKey, tags: tags ?? [], queue, alsoWrite },
  });
  return await answer(caller, submitting, answerWithinSeconds);
}

/** Resolves with the result of each, in order, once all are done. Throws BAD_USER_INPUT for none, or too many. */
export async function submitJobs(
  caller: Caller,
  items: readonly SubmitRequest[],
): Promise<Promise<Submitted>[]> {
  requireScopes(caller.viewer, "jobs:submit");
  if (items.length < 1 || items.length > MAX_ITEMS) {
    throw badUserInput(
      `\`items\` may have 1 to ${MAX_ITEMS} items, and has ${items.length}. Send as many in each call.`,
    );
  }
  // Their inputs are checked one after the other, and then all wait for RunComfy together.
  const all = items.map((item) => submitJob(caller, { ...item, queue: findQueue(items, item) }));
  await Promise.allSettled(all);
  return all;
}

/** How the job of an item waits: of several with its key, as the first says. */
function findQueue(items: readonly SubmitRequest[], item: SubmitRequest) {
  const { idempotencyKey: key = null } = item;
  return key === null
    ? item.queue
    : items.find(({ idempotencyKey }) => idempotencyKey === key)?.queue;
}

/**
 * Submits what one of the viewer's jobs was given, with the members of `changes` put over it. Rejects as `submitJob` does,
 * and with a `JobNotFoundError`.
 */
export async function rerunJob(
  caller: Caller,
  request: SubmitArguments & { readonly id: string; readonly changes?: unknown },
): Promise<Submitted> {
  const { viewer, engine } = caller;
  requireScopes(viewer, "jobs:submit");
  const { id, changes, options, answerWithinSeconds, tags, queue = null } = request;
  const { idempotencyKey = null } = request;
  checkPatience(answerWithinSeconds);
  const alsoWrite = admitOptions(caller, options);
  if (!isIdentifier(id)) throw new JobNotFoundError(id);
  const submitting = engine.submitter.rerunJob({
    ...{ jobId: id, changes, viewer, idempotencyKey, tags: tags ?? [], queue, alsoWrite },
  });
  return await answer(caller, submitting, answerWithinSeconds);
}

function checkPatience(seconds: number | null | undefined): void {
  if (typeof seconds !== "number" || (seconds >= 0 && seconds <= MAX_ANSWER_SECONDS)) return;
  throw badUserInput(
    `\`answerWithinSeconds\` must be from 0 to ${MAX_ANSWER_SECONDS}, not ${seconds}. For longer, submit again with the same \`idempotencyKey\`, or follow the job with \`jobUpdated\`.`,
  );
}

/** Checks what parts were given; undefined where that is nothing. */
function admitOptions(
  { engine, viewer }: Caller,
  options: SubmitArguments["options"] = {},
): AlsoWrite | undefined {
  const given = Object.entries(engine.submitOptions).flatMap(([name, option]) => {
    const value = options[name];
    return typeof value === "string" ? [{ option, value }] : [];
  });
  for (const { option, value } of given) option.check(viewer, value);
  if (given.length === 0) return undefined;
  return async (transaction, job) => {
    for (const { option, value } of given) await option.write(transaction, job, value);
  };
}

/** The submitted job once it has ended, or as it is so many seconds after the operation began. */
async function answer(
  { engine, reads, origin, beganAt }: Caller,
  submitting: Promise<Submitted>,
  seconds: number | null | undefined,
): Promise<Submitted> {
  try {
    const submitted = await publishRefusal(engine.channels, submitting);
    const job = await engine.endWaits.waitForEnd(submitted.job, {
      timeoutMs: beganAt + (seconds ?? 0) * 1_000 - clock.monotonic(),
      onLeft: origin.whenOver,
    });
    return { ...submitted, job };
  } finally {
    reads.clear();
  }
}
