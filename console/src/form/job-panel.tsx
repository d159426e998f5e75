import { type ReactNode, useEffect, useState } from "react";
import { useMutation } from "urql";
import { Link } from "wouter";

import type { Viewer } from "../viewer";
import { CANCEL } from "../documents";
import type { JobRowFragment } from "../gql/graphql";
import { promptOf } from "../parts/prompt";
import { Status } from "../parts/status";
import { Ago, formatSeconds } from "../parts/time";
import { explain } from "../session";
import { clock, useStore } from "../store";
import { Again } from "./again";
import type { Field } from "./fields";
import { Result } from "./result";
import { useJob, type WatchedJob } from "./use-job";

type JobPanelProps = {
  readonly viewer: Viewer;
  readonly id: string;
  readonly submitted: JobRowFragment | null;
  readonly fieldsOf: (deploymentId: string) => readonly Field[];
  readonly onJob: (job: JobRowFragment) => void;
  readonly onUse: (job: JobRowFragment) => void;
  readonly onGone: (id: string) => void;
};

/** One job from its submit to its pictures, as it happens. */
export function JobPanel({ id, submitted, onGone, ...props }: JobPanelProps) {
  const state = useJob(id, submitted);
  const isGone = state.kind === "gone";
  useEffect(() => {
    if (isGone) onGone(id);
  }, [isGone, id, onGone]);
  if (state.kind === "known") return <Shown job={state.job} {...props} />;
  return (
    <div className="run-shown">
      <div className="run-frame">
        {state.kind === "unknown" ? (
          <div>
            <p role="alert">{state.reason}</p>
            <button type="button" onClick={state.askAgain}>
              Try again
            </button>
          </div>
        ) : (
          <p>Looking for the job…</p>
        )}
      </div>
    </div>
  );
}

function Shown({
  job,
  viewer,
  fieldsOf,
  onJob,
  onUse,
}: Omit<JobPanelProps, "id" | "submitted" | "onGone"> & { readonly job: WatchedJob }) {
  return (
    <div className="run-shown">
      <div className="run-job-head">
        <span role="status">
          <Status job={job} />
        </span>
        <span className="faint">
          <Times job={job} />
        </span>
        <span className="faint run-job-when">
          {job.deployment.name}, <Ago at={job.createdAt} />
        </span>
      </div>
      <div className="row run-actions">
        {viewer.scopes.includes("jobs:submit") && (
          <Again
            key={job.deployment.id}
            {...{ viewer, job, onJob }}
            fields={fieldsOf(job.deployment.id)}
          />
        )}
        <button type="button" onClick={() => onUse(job)}>
          Use these values
        </button>
        <Link className="button" href={`/jobs/${job.id}`}>
          Details
        </Link>
        {job.isCancellable && viewer.scopes.includes("jobs:cancel") && <Cancel id={job.id} />}
      </div>
      <Result job={job} />
      <p className="run-prompt" dir="auto">
        {promptOf(job)}
      </p>
    </div>
  );
}

function Times({ job }: { readonly job: WatchedJob }): ReactNode {
  const now = useStore(clock);
  if (!job.isFinished) {
    const seconds = Math.max(0, (now - Date.parse(job.createdAt)) / 1_000);
    return `${formatSeconds(Math.floor(seconds)).replace(/\.\d/, "")} so far`;
  }
  const { queueSeconds, runSeconds } = job;
  if (runSeconds !== null && queueSeconds !== null)
    return `waited ${formatSeconds(queueSeconds)}, ran ${formatSeconds(runSeconds)}`;
  return null;
}

function Cancel({ id }: { readonly id: string }) {
  const [{ fetching, data, error }, cancel] = useMutation(CANCEL);
  const [isAsked, setIsAsked] = useState(false);
  const result = data?.cancelJob;
  const problem = error ? explain(error) : result && "message" in result ? result.message : "";
  return (
    <>
      <button
        type="button"
        disabled={fetching}
        onClick={() => {
          setIsAsked(true);
          void cancel({ id });
        }}
      >
        {fetching ? "Cancelling…" : "Cancel"}
      </button>
      {isAsked && problem !== "" && <span role="alert">{problem}</span>}
    </>
  );
}
