import { useState } from "react";
import { CANCEL_JOB, GatewayError } from "runcomfy-graphql-client";
import { useGateway, useJob } from "runcomfy-graphql-client/react";

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

const WORDS = {
  HELD: "Waiting to be sent",
  SUBMITTING: "Sending…",
  IN_QUEUE: "Waiting",
  IN_PROGRESS: "Running…",
  SUCCEEDED: "Done",
  FAILED: "Failed",
  CANCELLED: "Cancelled",
};

/** A job, live, and a way to cancel it while it waits. */
export function Job({ id }: { id: string }) {
  const { job, error } = useJob(id, WATCH);
  const { request } = useGateway();
  const [refusal, setRefusal] = useState("");
  const [isCancelling, setIsCancelling] = useState(false);

  async function cancel() {
    setIsCancelling(true);
    try {
      const { cancelJob } = await request(CANCEL_JOB, { id });
      setRefusal("message" in cancelJob ? cancelJob.message : "");
    } catch (failure) {
      if (!(failure instanceof GatewayError)) throw failure;
      setRefusal(failure.message);
    } finally {
      setIsCancelling(false);
    }
  }

  return (
    <section>
      <h2 role="status">
        {job ? WORDS[job.status] : error ? "" : "Loading…"}{" "}
        {job?.queuePosition != null && `(${job.queuePosition} before it)`}
      </h2>
      <small>{id}</small>
      {job?.estimate && (
        <p>
          <progress value={job.estimate.progress} aria-label="Done so far" /> Done at about{" "}
          {new Date(job.estimate.finishesAt).toLocaleTimeString()}
        </p>
      )}
      {job?.isCancellable && (
        <button disabled={isCancelling} onClick={() => void cancel()}>
          Cancel
        </button>
      )}
      {refusal && <p role="alert">{refusal}</p>}
      {job?.error && <p role="alert">{job.error.message}</p>}
      {error && <p role="alert">{error.message}</p>}
      {job?.typedOutput?.__typename === "WarmGlowOutput" &&
        job.typedOutput.images.map((url) => <img key={url} src={url} alt="" />)}
    </section>
  );
}
