import { useState } from "react";
import { GatewayError } from "runcomfy-graphql-client";
import { useGateway } from "runcomfy-graphql-client/react";

import type { JobRowFragment, SubmittedFragment } from "../gql";
import { RUN, RUN_MANY } from "./form-queries";
import type { Issue } from "./issues";
import type { JsonObject } from "./json";
import { dropKey, keepKey, keyFor, unconfirmedOf } from "./submit-keys";
import { isTooSoon, noteAccepted } from "./press";
import { drawAnew } from "./seeds";

export type Submission =
  | { readonly kind: "idle" }
  | { readonly kind: "sending"; readonly attempt: number }
  | { readonly kind: "accepted"; readonly warnings: readonly Issue[]; readonly input: string }
  | {
      readonly kind: "refused";
      readonly message: string;
      readonly issues: readonly Issue[];
      /** Whether the same input goes on under the same key. */
      readonly isOpen: boolean;
      readonly input: string;
    };

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
  const gateway = useGateway();
  const [submission, setSubmission] = useState<Submission>({ kind: "idle" });
  const onAttempt = (attempt: number): void => setSubmission({ kind: "sending", attempt });

  async function submit(inputs: readonly JsonObject[]): Promise<void> {
    if (isTooSoon()) return;
    const items = inputs.map((input) => {
      const text = JSON.stringify(input);
      const key = keyFor(scope, text);
      keepKey(scope, text, key);
      return { input, text, key };
    });
    const results = await send(items);
    const made = results.filter((result) => result.__typename === "SubmitJobSuccess");
    const isAll = made.length === results.length;
    const jobs: JobRowFragment[] = [];
    for (const [index, result] of results.entries()) {
      const { text = "", key = "" } = items[index] ?? {};
      const isMade = result.__typename === "SubmitJobSuccess";
      if (isMade ? isAll : !isRepeatable(result)) dropKey(scope, text);
      if (isMade) {
        unconfirmedOf(scope).drop(text);
        jobs.push(result.job);
      } else if (result.__typename === "UpstreamError" && result.unconfirmedJob) {
        unconfirmedOf(scope).keep(text, key);
        jobs.push(result.unconfirmedJob);
      }
    }
    if (isAll) drawAnew(scope);
    if (made.length > 0) noteAccepted();
    if (jobs.length > 0) onJobs(jobs);
    setSubmission(toSubmission(items[0]?.text ?? "", results));
  }

  async function send(items: readonly Item[]): Promise<readonly Result[]> {
    const [only, ...others] = items;
    if (only && others.length === 0) return [await sendOne(only)];
    try {
      const results = await gateway.submit(
        RUN_MANY,
        { items: items.map(({ input, key }) => ({ deploymentId, input, idempotencyKey: key })) },
        onAttempt,
      );
      // Of what was not answered there only a call of its own says why.
      const answers = items.map(async (item, index) => results[index] ?? (await sendOne(item)));
      return await Promise.all(answers);
    } catch (error) {
      return items.map(() => toUnanswered(error));
    }
  }

  async function sendOne({ input, key }: Item): Promise<Result> {
    try {
      return await gateway.submit(RUN, { deploymentId, input, key }, onAttempt);
    } catch (error) {
      return toUnanswered(error);
    }
  }

  return { submission, submit };
}

type Item = { readonly input: JsonObject; readonly text: string; readonly key: string };
/** What the gateway answered to one submit, or why it did not. */
type Result = SubmittedFragment | ReturnType<typeof toUnanswered>;

function toUnanswered(error: unknown) {
  if (!(error instanceof GatewayError)) throw error;
  const message = error.code === "NO_ANSWER" ? LOST : error.message;
  return { __typename: "Unanswered", message, retryable: true } as const;
}

const LOST =
  "No answer came. Check your connection, then run it again: it is still the same job, and is paid once.";

/** Whether the very same call may succeed later. */
export function isRepeatable(result: {
  readonly __typename: string;
  readonly retryable?: boolean;
}): boolean {
  const isKnown = ["UpstreamError", "Unanswered"].includes(result.__typename);
  return isKnown && result.retryable === true;
}

function toSubmission(input: string, results: readonly Result[]): Submission {
  const failures = results.filter((result) => result.__typename !== "SubmitJobSuccess");
  const [failure] = failures;
  if (failure === undefined) {
    const [first] = results;
    const warnings = first?.__typename === "SubmitJobSuccess" ? first.warnings : [];
    return { kind: "accepted", warnings, input };
  }
  const made = results.length - failures.length;
  const count = made > 0 ? `${made} of ${results.length} were submitted. ` : "";
  const issues = failure.__typename === "InvalidInputError" ? failure.issues : [];
  return {
    kind: "refused",
    message: count + toMessage(failure),
    issues,
    isOpen: failures.some(isRepeatable),
    input,
  };
}

function toMessage(result: Exclude<Result, { __typename: "SubmitJobSuccess" }>): string {
  const { message } = result;
  const seconds = result.__typename === "UpstreamError" ? result.retryAfterSeconds : null;
  return seconds ? `${message} Wait about ${seconds} s.` : message;
}
