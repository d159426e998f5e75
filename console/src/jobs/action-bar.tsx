import { useRef, useState } from "react";

import { useSession } from "../session";
import { useViewer } from "../viewer";
import { type Action, CANCEL_THEM, DELETE_THEM, RUN_THEM_AGAIN, tell } from "./actions";
import { Confirm, NEW_JOB } from "./confirm";
import { catchFocus } from "./job-table";
import { removeFromLists } from "./use-job-list";
import type { Selection } from "./use-selection";

/** What can be done with the selected jobs; each result is told by `onTell`. */
export function ActionBar({
  selection,
  onTell,
}: {
  readonly selection: Selection;
  readonly onTell: (text: string) => void;
}) {
  const session = useSession();
  const viewer = useViewer();
  const [isBusy, setIsBusy] = useState(false);
  const deletion = useRef<HTMLDialogElement>(null);
  const repetition = useRef<HTMLDialogElement>(null);
  const idsOf = (jobs: Selection["selected"]) => jobs.map(({ id }) => id);
  const mine = selection.selected.filter(({ ownerId }) => ownerId === viewer.id);
  const all = idsOf(mine);
  const cancellable = idsOf(mine.filter(({ isCancellable }) => isCancellable));
  const deletable = idsOf(mine.filter(({ isFinished, isPaused }) => isFinished || isPaused));
  const risky = mine.filter(({ error }) => error?.retryable === false).length;

  async function run(action: Action, ids: readonly string[]): Promise<void> {
    setIsBusy(true);
    onTell(`${action.doing} ${ids.length}…`);
    const outcomes = await action.run({ session, viewerId: viewer.id }, ids, (done) =>
      onTell(`${action.doing} ${done} of ${ids.length}…`),
    );
    const done = outcomes.filter(({ problem }) => problem === null).map(({ id }) => id);
    if (action === DELETE_THEM) removeFromLists(session, done);
    // What is left selected is what doing it again would be for.
    selection.drop(done);
    onTell(tell(outcomes, action.done));
    setIsBusy(false);
    // The button that was pressed may be disabled by now.
    requestAnimationFrame(catchFocus);
  }

  return (
    <div className="row actions" role="group" aria-label="With the selected jobs">
      {viewer.may("jobs:submit") && (
        <>
          <button
            disabled={isBusy || all.length === 0}
            onClick={() => repetition.current?.showModal()}
          >
            Run again{count(all)}
          </button>
          <Confirm
            dialog={repetition}
            title={all.length === 1 ? "Run this job again?" : `Run ${all.length} jobs again?`}
            keep="Don't run"
            action="Run again"
            onConfirm={() => void run(RUN_THEM_AGAIN, all)}
          >
            {all.length === 1 ? "It" : "Each"} is {NEW_JOB}.
            {risky > 0 && ` ${warn(risky, all.length)}`}
          </Confirm>
        </>
      )}
      {viewer.may("jobs:cancel") && (
        <>
          <button
            disabled={isBusy || cancellable.length === 0}
            onClick={() => void run(CANCEL_THEM, cancellable)}
          >
            Cancel{count(cancellable)}
          </button>
          <button
            disabled={isBusy || deletable.length === 0}
            onClick={() => deletion.current?.showModal()}
          >
            Delete{count(deletable)}
          </button>
          <Confirm
            dialog={deletion}
            title={deletable.length === 1 ? "Delete this job?" : `Delete ${deletable.length} jobs?`}
            keep="Don't delete"
            action="Delete"
            onConfirm={() => void run(DELETE_THEM, deletable)}
          >
            What went in, what came out and the files that are kept here will be gone for good.
          </Confirm>
        </>
      )}
    </div>
  );
}

function warn(risky: number, all: number): string {
  if (all === 1) return "Its first run may have cost money already, or still be running.";
  return `${risky} of them may have cost money already, or still be running.`;
}

function count(ids: readonly string[]): string {
  return ids.length === 0 ? "" : ` ${ids.length}`;
}
