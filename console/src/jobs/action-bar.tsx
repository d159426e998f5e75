import { type ReactNode, useEffect, useRef, useState } from "react";

import { useSession } from "../session";
import { useViewer } from "../viewer";
import { type Action, CANCEL_THEM, DELETE_THEM, RUN_THEM_AGAIN, tell } from "./actions";
import { takeAll } from "./all-that-fit";
import { Confirm, NEW_JOB } from "./confirm";
import { catchFocus } from "./job-table";
import type { JobList } from "./live-job-list";
import { removeFromLists, renewLists } from "./use-job-list";
import type { Selection } from "./use-selection";

/** What can be done with the selected jobs, or with all that fit; what comes of it is told by `onTell`. */
export function ActionBar({
  list,
  selection,
  onTell,
}: {
  readonly list: JobList;
  readonly selection: Selection;
  readonly onTell: (text: string) => void;
}) {
  const session = useSession();
  const viewer = useViewer();
  const [running, setRunning] = useState<AbortController | null>(null);
  useEffect(() => () => running?.abort(), [running]);
  const { hasAll } = selection;
  const mine = selection.selected.filter(({ ownerId }) => ownerId === viewer.id);

  async function run(action: Action, ids: readonly string[]): Promise<void> {
    const stop = new AbortController();
    setRunning(stop);
    if (hasAll) {
      onTell(await takeAll(action, list, session, onTell, stop.signal));
      renewLists(session);
      selection.clear();
    } else {
      const progress = (done: number): void => onTell(`${action.doing}… ${done} of ${ids.length}`);
      progress(0);
      const actor = { session, viewerId: viewer.id };
      const outcomes = await action.run(actor, ids, progress, stop.signal);
      const done = outcomes.filter(({ problem }) => problem === null).map(({ id }) => id);
      if (action === DELETE_THEM) removeFromLists(session, done);
      // What is left selected is what doing it again would be for.
      selection.drop(done);
      const isStopped = outcomes.length < ids.length;
      onTell(`${isStopped ? "Stopped: " : ""}${tell(outcomes, action.done)}`);
    }
    setRunning(null);
    // The button that was pressed may be gone by now.
    requestAnimationFrame(catchFocus);
  }

  if (running !== null)
    return (
      <div className="row jobs-actions">
        <button onClick={() => running.abort()}>Stop</button>
      </div>
    );
  if (!hasAll && selection.selected.length === 0) return null;
  const risky = mine.filter(({ error }) => error?.retryable === false).length;
  const cancellable = mine.filter(({ isCancellable }) => isCancellable);
  const deletable = mine.filter(({ isFinished, isPaused }) => isFinished || isPaused);
  const also = { hasAll, onConfirm: run };
  return (
    <div className="row jobs-actions" role="group" aria-label="With the selected jobs">
      {viewer.may("jobs:submit") && !hasAll && (
        <ActionButton {...also} action={RUN_THEM_AGAIN} name="Run again" jobs={mine}>
          Each is {NEW_JOB}.
          {risky > 0 && ` Of these, ${risky} may have cost money already, or still be running.`}
        </ActionButton>
      )}
      {viewer.may("jobs:cancel") && (
        <>
          <ActionButton {...also} action={CANCEL_THEM} name="Cancel" jobs={cancellable}>
            Those that have not started will not run, and cost nothing. The others stay as they are.
          </ActionButton>
          <ActionButton {...also} action={DELETE_THEM} name="Delete" jobs={deletable}>
            {hasAll && "Jobs that have not ended stay. Of the others, "}
            {hasAll ? "inputs" : "Inputs"}, outputs and the files that are kept here will be gone
            for good.
          </ActionButton>
        </>
      )}
    </div>
  );
}

/** Asks first, as none of it can be taken back. */
function ActionButton({
  action,
  name,
  jobs,
  hasAll,
  onConfirm,
  children,
}: {
  readonly action: Action;
  readonly name: string;
  readonly jobs: Selection["selected"];
  readonly hasAll: boolean;
  readonly onConfirm: (action: Action, ids: readonly string[]) => Promise<void>;
  readonly children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const ids = jobs.map(({ id }) => id);
  const what = hasAll ? "all that fit" : ids.length === 1 ? "1 job" : `${ids.length} jobs`;
  return (
    <>
      <button disabled={!hasAll && ids.length === 0} onClick={() => dialog.current?.showModal()}>
        {name} {hasAll ? "all that fit" : ids.length > 0 && ids.length}
      </button>
      <Confirm
        dialog={dialog}
        title={name === "Run again" ? `Run ${what} again?` : `${name} ${what}?`}
        keep={`Don't ${name.toLowerCase()}`}
        action={name}
        onConfirm={() => void onConfirm(action, ids)}
      >
        {children}
      </Confirm>
    </>
  );
}
