import { useState } from "react";
import { GatewayError } from "runcomfy-graphql-client";
import { useGateway } from "runcomfy-graphql-client/react";

import type { JobRowFragment, RunMutation } from "../gql";
import { RUN } from "./form-queries";
import type { Issue } from "./issues";
import type { JsonObject } from "./json";
import { dropKey, keepKey, keyFor, unconfirmedOf } from "./submit-keys";
import { isTooSoon, noteAccepted } from "./press";

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
 */
export function useSubmit({
  scope,
  deploymentId,
  onJob,
}: {
  readonly scope: string;
  readonly deploymentId: string;
  readonly onJob: (job: JobRowFragment) => void;
}) {
  const gateway = useGateway();
  const [submission, setSubmission] = useState<Submission>({ kind: "idle" });

  async function submit(input: JsonObject): Promise<void> {
    if (isTooSoon()) return;
    const text = JSON.stringify(input);
    const key = keyFor(scope, text);
    keepKey(scope, text, key);
    let result: Result;
    try {
      result = await gateway.submit(RUN, { deploymentId, input, key }, (attempt) =>
        setSubmission({ kind: "sending", attempt }),
      );
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const message = error.code === "NO_ANSWER" ? LOST : error.message;
      return setSubmission({ kind: "refused", message, issues: [], isOpen: true, input: text });
    }
    const isOpen = isRepeatable(result);
    if (!isOpen) dropKey(scope, text);
    if (result.__typename === "SubmitJobSuccess") {
      noteAccepted();
      unconfirmedOf(scope).drop(text);
      onJob(result.job);
      return setSubmission({ kind: "accepted", warnings: result.warnings, input: text });
    }
    if (result.__typename === "UpstreamError" && result.unconfirmedJob) {
      unconfirmedOf(scope).keep(text, key);
      onJob(result.unconfirmedJob);
    }
    const issues = result.__typename === "InvalidInputError" ? result.issues : [];
    setSubmission({ kind: "refused", message: toMessage(result), issues, isOpen, input: text });
  }

  return { submission, submit };
}

const LOST =
  "No answer came. Check your connection, then run it again: it is still the same job, and is paid once.";

type Result = RunMutation["submitJob"];

/** Whether the very same call may succeed later. */
export function isRepeatable(result: {
  readonly __typename: string;
  readonly retryable?: boolean;
}): boolean {
  return result.__typename === "UpstreamError" && result.retryable === true;
}

function toMessage(result: Exclude<Result, { __typename: "SubmitJobSuccess" }>): string {
  const { message } = result;
  const seconds = result.__typename === "UpstreamError" ? result.retryAfterSeconds : null;
  return seconds ? `${message} Wait about ${seconds} s.` : message;
}
