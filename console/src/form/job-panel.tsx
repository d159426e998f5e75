import { Toolbar } from "../actions/toolbar";
import type { JobRowFragment } from "../gql";
import { toLabel } from "../model/fields";
import { findFiles } from "../model/file-inputs";
import { isObject } from "../model/json";
import { promptOf } from "../model/prompt";
import { findSeeds } from "../model/seeds";
import { formatSeconds } from "../model/words";
import { useFields } from "../session/use-fields";
import { useViewer } from "../session/viewer";
import { Copy } from "../ui/copy";
import { Folded } from "../ui/folded";
import { GivenFile } from "../ui/given-file";
import { Problem } from "../ui/problem";
import { Status } from "../ui/status";
import { Ago, Elapsed } from "../ui/time";
import { removeRecent } from "./recent";
import { Result } from "./result";
import { useRecentJob, type WatchedJob } from "./use-recent-job";

type Props = {
  readonly onJobs: (jobs: readonly JobRowFragment[]) => void;
  /** Null where the form has no seed. */
  readonly onSeed: ((seed: number) => void) | null;
};

/** One job from its submit to its pictures, as it happens. */
export function JobPanel({ id, ...props }: Props & { readonly id: string }) {
  const { job, error, ask } = useRecentJob(id, true);
  if (job) return <Shown job={job} {...props} />;
  return (
    <div className="frame run-frame">
      {error && <Problem text={error.message} onRetry={() => void ask()} />}
      {!error && <p>Looking for the job…</p>}
    </div>
  );
}

function Shown({ job, onJobs, onSeed }: Props & { readonly job: WatchedJob }) {
  const viewer = useViewer();
  // The answer to its submit may be all that its page ever gets.
  const isNotified = viewer.mayRead || job.isFinished;
  const { deployment, input } = job;
  const fields = useFields(deployment.id);
  const files = findFiles(fields, input);
  return (
    <div className="stack">
      <div className="row">
        <span role="status">
          <Status job={job} />
        </span>
        <span className="hint">{isNotified && <Times job={job} />}</span>
        <span className="hint end">
          {deployment.name}, <Ago at={job.createdAt} />
        </span>
      </div>
      {isNotified ? (
        <Result job={job} />
      ) : (
        <div className="frame run-frame">
          <p className="run-words">
            It was submitted. What becomes of it can't be shown here: your credential lacks the
            scope jobs:read.
          </p>
        </div>
      )}
      <Toolbar {...{ job, onJobs }} onDeleted={() => removeRecent(viewer.id, job.id)} />
      {/* With which numbers the same comes again. */}
      {findSeeds(fields, input).map(({ name }) => {
        const seed = isObject(input) ? input[name] : undefined;
        if (typeof seed !== "number") return null;
        return (
          <div key={name} className="row">
            <span>
              {toLabel(name)} <code>{seed}</code>
            </span>
            <Copy text={String(seed)} name="the seed" />
            {onSeed && (
              <button type="button" className="small" onClick={() => onSeed(seed)}>
                Use seed
              </button>
            )}
          </div>
        );
      })}
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

function Times({ job }: { readonly job: JobRowFragment }) {
  const { isFinished, sentAt, queueSeconds, runSeconds } = job;
  if (!isFinished) return sentAt && <Elapsed since={sentAt}> so far</Elapsed>;
  if (runSeconds === null || queueSeconds === null) return null;
  return `waited ${formatSeconds(queueSeconds)}, ran ${formatSeconds(runSeconds)}`;
}
