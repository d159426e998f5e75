import type { ComponentProps, ReactNode } from "react";
import { Link, useLocation } from "wouter";

import { KEEP } from "../queries";
import { Progress } from "../form/progress";
import { formatUsd, KINDS } from "../deployments/words";
import { Copy } from "../parts/copy";
import { NEW_JOB } from "../jobs/confirm";
import { InputTable } from "../jobs/input-table";
import { JobActions } from "../jobs/job-actions";
import { OutputToCome, Outputs } from "../jobs/outputs";
import { Timeline } from "../jobs/timeline";
import { useFields } from "../jobs/use-fields";
import { type FullJob, useJob } from "../jobs/use-job";
import { Labels } from "../labels/labels";
import { Opened } from "../lightbox/opened";
import { Problem } from "../parts/problem";
import { promptOf } from "../parts/prompt";
import { Status } from "../parts/status";
import { useCall } from "../parts/use-call";
import { useTitle } from "../parts/use-title";
import { useSession } from "../session";
import { useViewer } from "../viewer";
import "../jobs/job.css";

/** One job: what became of it, what went in and what came out. */
export function JobPage({ id }: { readonly id: string }) {
  const [, navigate] = useLocation();
  return (
    <>
      <Page id={id} />
      <Opened onDeleted={(deleted) => deleted === id && navigate("/jobs", { replace: true })} />
    </>
  );
}

function Page({ id }: { readonly id: string }) {
  const viewer = useViewer();
  const { feed } = useSession();
  const { job, error, estimate, ask } = useJob(id);
  const fields = useFields(job?.deployment.id ?? "");
  const keeping = useCall();
  useTitle((job && promptOf(job)) || "A job");

  if (job === null) return <Unknown />;
  if (job === undefined) {
    if (error === null)
      return (
        <p className="empty" aria-busy>
          Loading…
        </p>
      );
    const text = `The job could not be read. ${error.message}`;
    return <Problem text={text} onRetry={() => void ask()} />;
  }

  async function keepFiles(): Promise<void> {
    const kept = await keeping.call(KEEP, { id });
    if (kept?.__typename === "KeepOutputsSuccess") feed.notify(kept.job);
  }

  const mayKeep = job.ownerId === viewer.id && viewer.may("jobs:submit");
  return (
    <article className="job-page">
      <Head {...{ job, fields }} onChange={() => void ask()} />
      <p role="alert" className="problem">
        {error === null ? keeping.problem : `This may be out of date. ${error.message}`}
      </p>
      <div className="columns">
        <section aria-labelledby="outputs" className="results">
          <h2 id="outputs" className="unseen">
            Outputs
          </h2>
          {job.error !== null && <Failure error={job.error} />}
          {job.isPaused && (
            <p className="card">
              It waits for the RunComfy account, or the sandbox, that it was sent to: the gateway
              uses another one now. It goes on when the gateway is started with that one again.
            </p>
          )}
          {!job.isFinished && !job.isPaused && (
            <OutputToCome input={job.input}>
              <Progress job={{ ...job, estimate }} />
            </OutputToCome>
          )}
          {job.status === "CANCELLED" && (
            <p className="card">It was cancelled before it ran, and cost nothing.</p>
          )}
          {job.status === "SUCCEEDED" && job.assets.length === 0 && (
            <p className="card">It has no files. Its output is below, as JSON.</p>
          )}
          <Outputs job={job} onKeep={mayKeep ? () => void keepFiles() : undefined} />
        </section>
        <section aria-labelledby="course" className="card course">
          <h2 id="course">Timeline</h2>
          <Timeline job={job} />
          <h2>Details</h2>
          <Facts job={job} />
        </section>
        <section aria-labelledby="input" className="card went-in">
          <h2 id="input">Inputs</h2>
          <InputTable {...{ job, fields }} />
        </section>
      </div>
      {job.output !== null && <Raw output={job.output} />}
    </article>
  );
}

function Head(props: ComponentProps<typeof JobActions>) {
  const { job } = props;
  return (
    <div className="head">
      <p className="row">
        <Link href="/jobs">← Jobs</Link>
        <span aria-live="polite">
          <Status job={job} />
        </span>
        <Link href={`/run/${encodeURIComponent(job.deployment.id)}`}>{job.deployment.name}</Link>
      </p>
      <h1 className="asked" dir="auto">
        {promptOf(job) || "No prompt"}
      </h1>
      <JobActions {...props} />
    </div>
  );
}

function Failure({ error }: { readonly error: NonNullable<FullJob["error"]> }) {
  return (
    <div className="card failure">
      <h2>It failed</h2>
      <p>{error.message}</p>
      <p className="faint">
        {error.retryable
          ? `You can run it again, as it is or with changes. It is ${NEW_JOB}.`
          : "Don't run it again before that is cleared up: it could be paid for twice."}{" "}
        For support: {error.code}
      </p>
    </div>
  );
}

function Facts({ job }: { readonly job: FullJob }) {
  const viewer = useViewer();
  const isPaid = job.kind === "MODEL" && job.status === "SUCCEEDED";
  return (
    <dl className="facts">
      <Fact name="Job">
        <Id id={job.id} name="the job's id" />
      </Fact>
      <Fact name="At RunComfy">
        {job.requestId !== null && <Id id={job.requestId} name="RunComfy's id of it" />}
        {job.requestId === null && (job.isFinished ? "not known" : "not accepted yet")}
      </Fact>
      <Fact name="Kind">{KINDS[job.kind]}</Fact>
      {isPaid && (
        <Fact name="Cost">
          {job.cost?.amount == null ? "not told by RunComfy" : formatUsd(job.cost.amount)}
        </Fact>
      )}
      <Fact name="Tags">
        <Labels job={job} screen="jobs" />
      </Fact>
      {job.ownerId !== viewer.id && (
        <Fact name="Owner">
          <Link href={`/jobs?owner=${encodeURIComponent(job.ownerId)}`}>{job.ownerId}</Link>
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Id({ id, name }: { readonly id: string; readonly name: string }) {
  return (
    <>
      <code>{id}</code> <Copy text={id} name={name} />
    </>
  );
}

function Raw({ output }: { readonly output: unknown }) {
  const text = JSON.stringify(output, null, 2);
  return (
    <details className="card raw">
      <summary>Output as JSON</summary>
      <Copy text={text} name="the output" />
      <pre tabIndex={0} aria-label="Output as JSON">
        {text}
      </pre>
    </details>
  );
}

function Unknown() {
  return (
    <div className="empty">
      <h1>Job not found</h1>
      <p>
        It was deleted, or belongs to somebody else. <Link href="/jobs">See all jobs</Link>.
      </p>
    </div>
  );
}
