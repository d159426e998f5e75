import { Link } from "wouter";

import { useQuery } from "../session";
import { JOBS } from "../queries";
import type { JobRowFragment, JobsQuery, JobStatus } from "../gql";
import { promptOf } from "../parts/prompt";
import { Ago } from "../parts/time";
import { useFresh } from "../parts/use-fresh";

const MAX_SHOWN = 3;

/** What the deployment does now, and how many jobs wait for it. */
export function Running({ id }: { readonly id: string }) {
  const running = useJobs(id, "IN_PROGRESS");
  const waiting = useJobs(id, "IN_QUEUE");
  useFresh(
    ({ deployment }) => deployment.id === id,
    () => {
      void running.ask();
      void waiting.ask();
    },
  );
  const error = running.error ?? waiting.error;
  const isKnown = running.isKnown && waiting.isKnown;
  return (
    <section className="deployment-running">
      <h3>Now</h3>
      {error && !isKnown && <p role="alert">{error.message}</p>}
      {!error && !isKnown && <p className="faint">Asking…</p>}
      {isKnown && (
        <>
          <p>
            {running.total === 0 && waiting.total === 0 && "Nothing runs or waits."}
            {running.total > 0 && (
              <Count of={running.total} verb="run" id={id} status="in_progress" />
            )}
            {running.total > 0 && waiting.total > 0 && ", "}
            {waiting.total > 0 && (
              <Count of={waiting.total} verb="wait" id={id} status="in_queue" />
            )}
          </p>
          <ul>
            {running.jobs.map((job) => (
              <RunningJob key={job.id} job={job} />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

/** Leads to all of them. */
function Count({
  of,
  verb,
  id,
  status,
}: {
  readonly of: number;
  readonly verb: string;
  readonly id: string;
  readonly status: string;
}) {
  return (
    <Link href={`/jobs?status=${status}&deployment=${encodeURIComponent(id)}`}>
      {of === 1 ? `1 ${verb}s` : `${of} ${verb}`}
    </Link>
  );
}

function RunningJob({ job }: { readonly job: JobRowFragment }) {
  return (
    <li>
      <Link href={`/jobs/${job.id}`} dir="auto">
        {promptOf(job) || "a job without a prompt"}
      </Link>
      {job.startedAt && (
        <span className="faint">
          started <Ago at={job.startedAt} />
        </span>
      )}
    </li>
  );
}

function useJobs(deploymentId: string, status: JobStatus) {
  const variables = { filter: { deploymentId, status: [status] }, first: MAX_SHOWN };
  const { data, error, ask } = useQuery(JOBS, variables);
  return { ...read(data, status), isKnown: data?.jobs !== undefined, error, ask };
}

/** Leaves out what has gone on since: its new status is known before the list is read again. */
function read(data: JobsQuery | undefined, status: JobStatus) {
  const listed = data?.jobs.edges.map(({ node }) => node) ?? [];
  const jobs = listed.filter((job) => job.status === status);
  return { jobs, total: (data?.jobs.totalCount ?? 0) - (listed.length - jobs.length) };
}
