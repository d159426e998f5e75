import { useMutation, useSubscription } from "urql";

import { describe } from "./client";
import { graphql } from "./gql";

const WATCH = graphql(`
  subscription Watch($id: ID!) {
    jobUpdated(id: $id) {
      status
      queuePosition
      estimate {
        finishesAt
        progress
      }
      isCancellable
      error {
        message
      }
      typedOutput {
        __typename
        ... on WarmGlowOutput {
          images
        }
      }
    }
  }
`);

const CANCEL = graphql(`
  mutation Cancel($id: ID!) {
    cancelJob(id: $id) {
      __typename
      ... on Error {
        message
      }
    }
  }
`);

/** A job, live, and a way to cancel it while it waits. */
export function Job({ id }: { id: string }) {
  const [{ data, error }] = useSubscription({ query: WATCH, variables: { id } });
  const [cancelled, cancel] = useMutation(CANCEL);
  const job = data?.jobUpdated;
  const refusal = cancelled.data?.cancelJob;

  return (
    <section>
      <h2>{id}</h2>
      <p role="status">
        {job?.status ?? (error ? "" : "Asking…")}{" "}
        {job?.queuePosition != null && `(${job.queuePosition} before it)`}
      </p>
      {job?.estimate && (
        <p>
          <progress value={job.estimate.progress} /> done at about{" "}
          {new Date(job.estimate.finishesAt).toLocaleTimeString()}
        </p>
      )}
      {job?.isCancellable && (
        <button disabled={cancelled.fetching} onClick={() => void cancel({ id })}>
          Cancel
        </button>
      )}
      {refusal && "message" in refusal && <p>{refusal.message}</p>}
      {cancelled.error && <p>{describe(cancelled.error)}</p>}
      {job?.error && <p>{job.error.message}</p>}
      {error && <p>{describe(error)}</p>}
      {job?.typedOutput?.__typename === "WarmGlowOutput" &&
        job.typedOutput.images.map((url) => <img key={url} src={url} alt="" width="320" />)}
    </section>
  );
}
