import { type ReactNode, useEffect } from "react";
import { Link } from "wouter";

import type { JobRowFragment } from "../gql";
import { CANCEL_THEM } from "../jobs/actions";
import { useActions } from "../jobs/use-actions";
import { Copy } from "../parts/copy";
import { Folded } from "../parts/folded";
import { Problem } from "../parts/problem";
import { promptOf } from "../parts/prompt";
import { Status } from "../parts/status";
import { Ago, Elapsed, formatSeconds } from "../parts/time";
import { useViewer } from "../viewer";
import { Again } from "./again";
import { type Field, toLabel } from "./fields";
import { findFiles, GivenFile } from "./given-file";
import { isObject } from "./json";
import { Result } from "./result";
import { findSeeds } from "./seeds";
import { useJob, type WatchedJob } from "./use-job";

type JobPanelProps = {
  readonly id: string;
  readonly submitted: readonly JobRowFragment[];
  readonly fieldsOf: (deploymentId: string) => readonly Field[];
  readonly onJobs: (jobs: readonly JobRowFragment[]) => void;
  readonly onUse: (job: JobRowFragment) => void;
  /** Null where the form has no seed. */
  readonly onSeed: ((seed: number) => void) | null;
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
          <Problem text={state.error.message} onRetry={() => void state.ask()} />
        ) : (
          <p>Looking for the job…</p>
        )}
      </div>
    </div>
  );
}

function Shown({
  job,
  fieldsOf,
  onJobs,
  onUse,
  onSeed,
}: Omit<JobPanelProps, "id" | "submitted" | "onGone"> & { readonly job: WatchedJob }) {
  const viewer = useViewer();
  // The answer to its submit may be all that its page ever hears of it.
  const isTold = viewer.mayRead || job.isFinished;
  const fields = fieldsOf(job.deployment.id);
  const files = [...new Set(findFiles(fields, job.input))];
  return (
    <div className="run-shown">
      <div className="run-job-head">
        <span role="status">
          <Status job={job} />
        </span>
        <span className="faint">{isTold && <Times job={job} />}</span>
        <span className="faint run-job-when">
          {job.deployment.name}, <Ago at={job.createdAt} />
        </span>
      </div>
      <div className="row run-actions">
        {viewer.may("jobs:submit") && (
          <Again key={job.deployment.id} {...{ job, fields, onJobs }} />
        )}
        <button type="button" onClick={() => onUse(job)}>
          Use these values
        </button>
        {viewer.mayRead && (
          <Link className="button" href={`/jobs/${job.id}`}>
            Details
          </Link>
        )}
        {job.isCancellable && viewer.may("jobs:cancel") && <Cancel id={job.id} />}
        {job.status === "IN_PROGRESS" && (
          <span className="hint">It runs: RunComfy only cancels jobs that wait.</span>
        )}
      </div>
      {isTold ? (
        <Result job={job} fields={fields} />
      ) : (
        <div className="run-frame">
          <p>
            It was submitted. What becomes of it can't be shown here: your credential lacks the
            scope jobs:read.
          </p>
        </div>
      )}
      <Seeds {...{ job, fields, onSeed }} />
      {files.length > 0 && (
        <div className="row" role="group" aria-label="Inputs">
          {files.map((reference) => (
            <GivenFile key={reference} reference={reference} />
          ))}
        </div>
      )}
      <Folded text={promptOf(job)} />
    </div>
  );
}

/** With which numbers the same comes again. */
function Seeds({
  job: { input },
  fields,
  onSeed,
}: Pick<JobPanelProps, "onSeed"> & {
  readonly job: WatchedJob;
  readonly fields: readonly Field[];
}) {
  return findSeeds(fields, input).map(({ name }) => {
    const seed = isObject(input) ? input[name] : undefined;
    if (typeof seed !== "number") return null;
    return (
      <div key={name} className="row">
        <span>
          {toLabel(name)} <code>{seed}</code>
        </span>
        <Copy text={String(seed)} name="the seed" />
        {onSeed && (
          <button type="button" onClick={() => onSeed(seed)}>
            Use seed
          </button>
        )}
      </div>
    );
  });
}

function Times({ job }: { readonly job: WatchedJob }): ReactNode {
  if (!job.isFinished) return <Elapsed since={job.createdAt}> so far</Elapsed>;
  const { queueSeconds, runSeconds } = job;
  if (runSeconds !== null && queueSeconds !== null)
    return `waited ${formatSeconds(queueSeconds)}, ran ${formatSeconds(runSeconds)}`;
  return null;
}

function Cancel({ id }: { readonly id: string }) {
  const { doing, problem, act } = useActions();
  return (
    <>
      <button type="button" disabled={doing !== null} onClick={() => void act(CANCEL_THEM, [id])}>
        {doing === null ? "Cancel" : "Cancelling…"}
      </button>
      {problem !== "" && <span role="alert">{problem}</span>}
    </>
  );
}
