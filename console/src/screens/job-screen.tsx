import { Link, useLocation } from "wouter";

import { Toolbar } from "../actions/toolbar";
import { Place } from "../form/result";
import { Facts, Inputs, Timeline } from "../jobs/details";
import { KEEP } from "../jobs/job-queries";
import { Outputs } from "../jobs/outputs";
import { useJob } from "../jobs/use-job";
import { Opened } from "../lightbox/opened";
import { promptOf } from "../model/prompt";
import { useSession } from "../session/session";
import { useCall } from "../session/use-call";
import { useFields } from "../session/use-fields";
import { useViewer } from "../session/viewer";
import { Copy } from "../ui/copy";
import { Problem } from "../ui/problem";
import { Status } from "../ui/status";
import { useTitle } from "../ui/use-title";
import "../jobs/job.css";

/** One job: its status, what went in and what came out. */
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
  const [, navigate] = useLocation();
  const viewer = useViewer();
  const { feed } = useSession();
  const { job, error, estimate, ask } = useJob(id);
  const fields = useFields(job?.deployment.id ?? "");
  const keeping = useCall();
  useTitle((job && promptOf(job)) || "A job");

  if (job === null)
    return (
      <div className="empty">
        <h1>Job not found</h1>
        <p>
          It was deleted, or belongs to somebody else. <Link href="/jobs">See all jobs</Link>.
        </p>
      </div>
    );
  if (job === undefined) {
    const text = `The job could not be read. ${error?.message}`;
    if (error !== null) return <Problem text={text} onRetry={() => void ask()} />;
    return (
      <p className="empty" aria-busy>
        Loading…
      </p>
    );
  }

  async function keepFiles(): Promise<void> {
    const kept = await keeping.call(KEEP, { id });
    if (kept?.__typename === "KeepOutputsSuccess") feed.notify(kept.job);
  }

  const problem = error ? `This may be out of date. ${error.message}` : keeping.problem;
  const mayKeep = job.ownerId === viewer.id && viewer.may("jobs:submit");
  return (
    <article className="stack job-page">
      <p className="row">
        <Link href="/jobs">← Jobs</Link>
        <span aria-live="polite">
          <Status job={job} />
        </span>
        <Link href={`/run/${encodeURIComponent(job.deployment.id)}`}>{job.deployment.name}</Link>
      </p>
      <h1 className="clamp" dir="auto">
        {promptOf(job) || "No prompt"}
      </h1>
      <Toolbar job={job} onDeleted={() => navigate("/jobs")} />
      {problem !== "" && <p role="alert">{problem}</p>}
      <div className="stack job-columns">
        <section aria-label="Outputs" className="stack">
          {job.assets.length === 0 && <Place job={{ ...job, estimate }} />}
          <Outputs job={job} onKeep={mayKeep ? () => void keepFiles() : null} />
        </section>
        <div className="stack">
          <section aria-labelledby="course" className="card">
            <h2 id="course">Timeline</h2>
            <Timeline job={job} />
            <h2>Details</h2>
            <Facts job={job} />
          </section>
          <section aria-labelledby="input" className="card">
            <h2 id="input">Inputs</h2>
            <Inputs {...{ job, fields }} />
          </section>
        </div>
      </div>
      {job.output !== null && <Raw output={job.output} />}
    </article>
  );
}

function Raw({ output }: { readonly output: unknown }) {
  const text = JSON.stringify(output, null, 2);
  return (
    <section className="card">
      <details>
        <summary>Output as JSON</summary>
        <Copy text={text} name="the output" />
        <pre tabIndex={0} aria-label="Output as JSON">
          {text}
        </pre>
      </details>
    </section>
  );
}
