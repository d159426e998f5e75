import { useState } from "react";
import { GatewayError } from "runcomfy-graphql-client";

import type { JobRowFragment, QueueInput, SubmittedFragment } from "../gql";
import type { Issue } from "../model/issues";
import type { JsonObject } from "../model/json";
import { draw } from "../model/seeds";
import { LISTED_JOB } from "../session/queries";
import { useSession } from "../session/session";
import {
  drawnOf,
  dropKey,
  isRepeatable,
  isTooSoon,
  keepKey,
  keyFor,
  noteAccepted,
  unconfirmedOf,
} from "../session/submit-keys";
import { RUN, RUN_MANY } from "./submit-queries";

export type Submission = {
  /** Which try is under way; 0 while none is. */
  readonly attempt: number;
  /** Why not all was accepted; empty where it was, or nothing was sent yet. */
  readonly problem: string;
  readonly issues: readonly Issue[];
  /** What that is about, as JSON. */
  readonly input: string;
};

const IDLE: Submission = { attempt: 0, problem: "", issues: [], input: "" };

/**
 * Submits inputs of one deployment, each under a key of its own: for one key the gateway runs one job, however often it
 * is asked. So an answer ends a key; a click does not, nor a reload, nor an error, as nobody knows how far that came.
 * Several go together, and until all were accepted, those that were keep their keys: pressing again gives the same jobs.
 */
export function useSubmit({
  scope,
  deploymentId,
  onJobs,
}: {
  readonly scope: string;
  readonly deploymentId: string;
  readonly onJobs: (jobs: readonly JobRowFragment[]) => void;
}) {
  const { gateway, answers } = useSession();
  const [submission, setSubmission] = useState(IDLE);
  const onAttempt = (attempt: number): void => setSubmission({ ...IDLE, attempt });

  async function submit(
    inputs: readonly JsonObject[],
    queue: QueueInput | null = null,
  ): Promise<void> {
    if (submission.attempt > 0 || isTooSoon()) return;
    const drawn = drawnOf(scope);
    drawn.set(drawn.get());
    const items = inputs.map((input) => {
      const text = JSON.stringify(input);
      const key = keyFor(scope, text);
      keepKey(scope, text, key);
      return { input, text, key, queue };
    });
    const results = await send(items);
    const failures = results.filter((result) => result.__typename !== "SubmitJobSuccess");
    const jobs: JobRowFragment[] = [];
    for (const [index, result] of results.entries()) {
      const { text = "", key = "" } = items[index] ?? {};
      const isMade = result.__typename === "SubmitJobSuccess";
      if (isMade ? failures.length === 0 : !isRepeatable(result)) dropKey(scope, text);
      if (isMade) {
        unconfirmedOf(scope).drop(text);
        jobs.push(result.job);
      } else if (result.__typename === "UpstreamError" && result.unconfirmedJob) {
        unconfirmedOf(scope).keep(text, key);
        jobs.push(result.unconfirmedJob);
      }
    }
    if (failures.length === 0) drawn.set(draw());
    if (failures.length < results.length) noteAccepted();
    // Viewers who may not read jobs get nothing more about them.
    for (const job of jobs)
      answers.find(LISTED_JOB, { id: job.id }).state.set({ data: { job }, error: null });
    if (jobs.length > 0) onJobs(jobs);
    const input = items[0]?.text ?? "";
    setSubmission({ ...IDLE, ...toRefusal(failures, results.length), input });
  }

  async function send(items: readonly Item[]): Promise<readonly Result[]> {
    const [only, ...others] = items;
    if (only && others.length === 0) return [await sendOne(only)];
    try {
      const results = await gateway.submit(
        RUN_MANY,
        {
          items: items.map(({ input, key, queue }) => ({
            ...{ deploymentId, input, queue },
            idempotencyKey: key,
          })),
        },
        onAttempt,
      );
      // Of what was not answered there only a call of its own says why.
      const answered = items.map(async (item, index) => results[index] ?? (await sendOne(item)));
      return await Promise.all(answered);
    } catch (error) {
      return items.map(() => toUnanswered(error));
    }
  }

  async function sendOne({ input, key, queue }: Item): Promise<Result> {
    try {
      return await gateway.submit(RUN, { deploymentId, input, key, queue }, onAttempt);
    } catch (error) {
      return toUnanswered(error);
    }
  }

  return { submission, submit };
}

type Item = {
  readonly input: JsonObject;
  readonly text: string;
  readonly key: string;
  readonly queue: QueueInput | null;
};
/** What the gateway answered to one submit, or why it did not. */
type Result = SubmittedFragment | ReturnType<typeof toUnanswered>;
type Failure = Exclude<Result, { readonly __typename: "SubmitJobSuccess" }>;

function toUnanswered(error: unknown) {
  if (!(error instanceof GatewayError)) throw error;
  const message = error.code === "NO_ANSWER" ? LOST : error.message;
  return { __typename: "Unanswered", message, retryable: true } as const;
}

const LOST =
  "No answer came. Check your connection, then run it again: it is still the same job, and is paid once.";

/** The first failure stands for all. */
function toRefusal(failures: readonly Failure[], count: number): Partial<Submission> {
  const [failure] = failures;
  if (failure === undefined) return {};
  const made = count - failures.length;
  const seconds = failure.__typename === "UpstreamError" ? failure.retryAfterSeconds : null;
  const parts = [
    made > 0 && `${made} of ${count} were submitted.`,
    failure.message,
    seconds && `Wait about ${seconds} s.`,
  ];
  return {
    problem: parts.filter(Boolean).join(" "),
    issues: failure.__typename === "InvalidInputError" ? failure.issues : [],
  };
}
