import { type KeyboardEvent, useState } from "react";
import { Link } from "wouter";

import { type Action, CANCEL_THEM, HOLD_THEM, RELEASE_THEM, runFirst } from "../actions/actions";
import { type Actions, useActions } from "../actions/use-actions";
import { useSelection } from "../actions/use-selection";
import { Why } from "../actions/why";
import type { HeldJobsQuery } from "../gql";
import { promptOf } from "../model/prompt";
import { formatCount } from "../model/words";
import { useQuery } from "../session/session";
import { useViewer } from "../session/viewer";
import { AskFirst } from "../ui/confirm";
import { Paused } from "../ui/paused";
import { Problem } from "../ui/problem";
import { DeploymentSelect } from "../ui/selects";
import { Ago } from "../ui/time";
import { useHeldNews } from "./use-held-news";
import { HELD } from "./waiting-queries";

type Job = HeldJobsQuery["heldJobs"][number];

/** As many as are asked for. */
const MAX_SHOWN = 100;
const NONE: ReadonlySet<string> = new Set();

/** The viewer's own jobs that wait here, by deployment, in the order in which they go. */
export function Queue({
  deploymentId,
  onChoose,
}: {
  /** Of which they are; empty for all. */
  readonly deploymentId: string;
  readonly onChoose: (deploymentId: string) => void;
}) {
  const { data, error, ask } = useQuery(HELD, { deploymentId: deploymentId || null });
  useHeldNews(data?.heldJobs, ask);
  const groups = Map.groupBy(data?.heldJobs ?? [], ({ deployment }) => deployment.id);
  /** As they are shown. */
  const jobs = [...groups.values()].flat();
  const [keeper] = useState(() => ({ selected: NONE }));
  const selection = useSelection(keeper, jobs);
  const { selected } = selection;
  const actions = useActions();
  const highest = data?.first[0]?.hold?.priority ?? 0;
  const offers = { highest, actions, onDone: ask };
  const isAll = jobs.length > 0 && selected.length === jobs.length;
  return (
    <section className="stack" aria-labelledby="queue">
      <h2 id="queue">Yours, in the order in which they go</h2>
      <div className="row waiting-tools">
        <input
          type="checkbox"
          aria-label="Select all"
          checked={isAll}
          disabled={jobs.length === 0}
          ref={(box) => {
            if (box) box.indeterminate = !isAll && selected.length > 0;
          }}
          onChange={() => (isAll ? selection.clear() : selection.selectAll())}
        />
        {selected.length > 0 ? (
          <>
            <span role="status">{formatCount(selected.length)} selected</span>
            <Offers jobs={selected} isSelection {...offers} />
          </>
        ) : (
          <span className="hint">
            {data ? (jobs.length === 1 ? "1 job" : `${jobs.length} jobs`) : "Reading…"}
            {jobs.length === MAX_SHOWN && (
              <>
                , and perhaps more: <Link href="/jobs?status=held">all that wait here</Link>
              </>
            )}
          </span>
        )}
        <span className="end waiting-select">
          <DeploymentSelect value={deploymentId} onChange={onChoose} />
        </span>
      </div>
      <p role="status" className={actions.problem === "" ? "hint" : "issue"}>
        {actions.said}
      </p>
      {!data && error && <Problem text={error.message} onRetry={() => void ask()} />}
      {data && jobs.length === 0 && (
        <p className="empty">
          None of your jobs waits here. Those that are sent at once are among{" "}
          <Link href="/jobs">all jobs</Link>.
        </p>
      )}
      {[...groups].map(([id, group]) => (
        <section key={id} className="card" aria-label={group[0]?.deployment.name}>
          <div className="row">
            <h3>{group[0]?.deployment.name}</h3>
            <Paused deploymentId={id} />
          </div>
          <ul className="lines" onKeyDown={moveFocus} onClickCapture={selection.onClickCapture}>
            {group.map((job) => (
              <li key={job.id} data-id={job.id} className="row">
                <input
                  type="checkbox"
                  aria-label={`Select: ${promptOf(job) || "No prompt"}`}
                  checked={selection.ids.has(job.id)}
                  onClick={({ shiftKey }) => selection.toggle(job.id, shiftKey)}
                />
                <div className="waiting-job">
                  <Link href={`/jobs/${job.id}`} className="clamp" dir="auto" data-opens={job.id}>
                    {promptOf(job) || "No prompt"}
                  </Link>
                  <p className="hint">
                    {job.hold && <Why job={job} hold={job.hold} />} Submitted{" "}
                    <Ago at={job.createdAt} />.
                  </p>
                </div>
                {selected.length === 0 && <Offers jobs={[job]} {...offers} />}
              </li>
            ))}
          </ul>
        </section>
      ))}
    </section>
  );
}

/** What can be done with one of them, or with those that are selected. */
function Offers({
  jobs,
  isSelection = false,
  highest,
  actions: { doing, act },
  onDone,
}: {
  readonly jobs: readonly Job[];
  readonly isSelection?: boolean;
  /** The highest priority of all. */
  readonly highest: number;
  readonly actions: Actions;
  readonly onDone: () => Promise<void>;
}) {
  const { may } = useViewer();
  const isOne = jobs.length === 1;
  const isBusy = doing !== null;
  const byHand = jobs.filter(({ hold }) => hold?.reason === "BY_HAND");
  const others = jobs.filter(({ hold }) => hold?.reason !== "BY_HAND");
  const offers = [
    { name: "Run first", shortcut: "f", action: runFirst(highest), meant: jobs },
    { name: "Release", shortcut: "l", action: RELEASE_THEM, meant: byHand },
    { name: "Hold", shortcut: "h", action: HOLD_THEM, meant: others },
  ];

  async function run(action: Action, meant: readonly Job[]): Promise<void> {
    await act(
      action,
      meant.map(({ id }) => id),
    );
    await onDone();
  }

  return (
    <div
      className="row"
      role={isSelection ? "group" : undefined}
      aria-label={isSelection ? "With the selected jobs" : undefined}
    >
      {may("jobs:submit") &&
        offers
          .filter(({ meant }) => meant.length > 0)
          .map(({ name, shortcut, action, meant }) => (
            <button
              key={name}
              aria-keyshortcuts={shortcut}
              disabled={isBusy}
              onClick={() => void run(action, meant)}
            >
              {name} {meant.length < jobs.length && meant.length}
            </button>
          ))}
      {may("jobs:cancel") && (
        <AskFirst
          label="Cancel"
          shortcut="x"
          isDisabled={isBusy}
          title={isOne ? "Cancel this job?" : `Cancel ${jobs.length} jobs?`}
          keep="Don't cancel"
          action="Cancel"
          onConfirm={() => void run(CANCEL_THEM, jobs)}
        >
          What was not sent costs nothing.
        </AskFirst>
      )}
    </div>
  );
}

/** To the row above or below. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || !(event.target instanceof Element)) return;
  event.preventDefault();
  const rows = [...document.querySelectorAll("main li[data-id]")];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  rows[at + step]?.querySelector("input")?.focus();
}
