import { useEffect, useState } from "react";
import { useMutation } from "urql";

import { graphql } from "./gql";
import type { WarmGlowInput } from "./gql/graphql";

const SUBMIT = graphql(`
  mutation Submit($input: WarmGlowInput!, $key: String!) {
    submitWarmGlow(input: $input, idempotencyKey: $key) {
      __typename
      ... on SubmitJobSuccess {
        job {
          id
        }
        warnings {
          path
          message
        }
      }
      ... on InvalidInputError {
        issues {
          path
          message
        }
      }
      ... on Error {
        message
      }
    }
  }
`);

type Draft = { input: WarmGlowInput; key: string };

/** Before each further try; half a minute in all, in which a gateway restarts. */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 16_000];

/**
 * The input of a form, and the key that it is submitted under. For one key the gateway runs one job, however often it is
 * asked. So an answer or a changed input renews the key; a click does not, nor a reload, nor an error: nobody knows
 * how far that call came.
 */
export function useSubmit(onJob: (id: string) => void) {
  const [draft, setDraft] = useState(readDraft);
  const [attempt, setAttempt] = useState(0); // 0 when nothing is under way
  const [{ data, error }, send] = useMutation(SUBMIT);

  useEffect(() => sessionStorage.setItem("draft", JSON.stringify(draft)), [draft]);

  async function submit() {
    for (const [index, pauseMs] of [0, ...PAUSES_MS].entries()) {
      setAttempt(index + 1);
      await new Promise((done) => setTimeout(done, pauseMs));
      const { data, error } = await send(draft);
      if (data) setDraft({ ...draft, key: crypto.randomUUID() });
      if (data?.submitWarmGlow.__typename === "SubmitJobSuccess") onJob(data.submitWarmGlow.job.id);
      if (!error?.networkError) break; // Otherwise there was no answer, or it was lost.
    }
    setAttempt(0);
  }

  return {
    input: draft.input,
    change: (changes: Partial<WarmGlowInput>) =>
      setDraft({ input: { ...draft.input, ...changes }, key: crypto.randomUUID() }),
    submit,
    attempt,
    result: data?.submitWarmGlow,
    error,
  };
}

function readDraft(): Draft {
  const saved = sessionStorage.getItem("draft");
  return saved
    ? JSON.parse(saved)
    : { input: { prompt: "", ctrlImg1: "" }, key: crypto.randomUUID() };
}
