import { type Action, CANCEL_THEM, DELETE_THEM, RUN_THEM_AGAIN } from "../actions/actions";
import { TotalPrice } from "../actions/total-price";
import type { Actions } from "../actions/use-actions";
import type { Selection } from "../actions/use-selection";
import { formatCount, isRisky } from "../model/words";
import type { JobList } from "../session/job-list";
import { useViewer } from "../session/viewer";
import { AskFirst, NEW_JOB } from "../ui/confirm";
import { catchFocus } from "./job-table";

/** What can be done with the selected jobs, or with all that fit. */
export function ActionBar({
  list,
  selection,
  actions: { doing, act, stop },
}: {
  readonly list: JobList;
  readonly selection: Selection;
  readonly actions: Actions;
}) {
  const viewer = useViewer();
  const { hasAll, selected } = selection;
  if (doing !== null)
    return (
      <button className="end" onClick={stop}>
        Stop
      </button>
    );
  if (!hasAll && selected.length === 0) return null;

  const mine = selected.filter(({ ownerId }) => ownerId === viewer.id);
  const risky = mine.filter(isRisky).length;
  const warning = ` Of these, ${formatCount(risky)} may have cost money already, or still be running.`;
  const mayCancel = viewer.may("jobs:cancel");
  const offers = [
    {
      name: "Run again",
      action: RUN_THEM_AGAIN,
      isOffered: viewer.may("jobs:submit") && !hasAll,
      jobs: mine,
      text: (
        <>
          Each is {NEW_JOB}.{risky > 0 && warning} <TotalPrice jobs={mine} />
        </>
      ),
    },
    {
      name: "Cancel",
      action: CANCEL_THEM,
      isOffered: mayCancel,
      jobs: mine.filter(({ isCancellable }) => isCancellable),
      text: "Those that have not started will not run, and cost nothing. The others stay as they are.",
    },
    {
      name: "Delete",
      action: DELETE_THEM,
      isOffered: mayCancel,
      jobs: mine.filter(({ isFinished, isPaused }) => isFinished || isPaused),
      text: "Jobs that have not ended stay. Of the others, inputs, outputs and the files that are kept here will be gone for good.",
    },
  ];

  async function run(action: Action, jobs: Selection["selected"]): Promise<void> {
    const { done } = await act(action, hasAll ? list : jobs.map(({ id }) => id));
    // What is left selected is what doing it again would be for.
    if (hasAll) selection.clear();
    else selection.drop(done);
    // The button that was pressed may be gone by now.
    requestAnimationFrame(catchFocus);
  }

  return (
    <div className="row end" role="group" aria-label="With the selected jobs">
      {offers
        .filter(({ isOffered }) => isOffered)
        .map(({ name, action, jobs, text }) => {
          const say = (what: string) =>
            name === "Run again" ? `Run ${what} again` : `${name} ${what}`;
          const count = hasAll ? "all that fit" : formatCount(jobs.length);
          const what = jobs.length === 1 ? `${count} job` : `${count} jobs`;
          const isNone = !hasAll && jobs.length === 0;
          return (
            <AskFirst
              key={name}
              label={isNone ? name : say(count)}
              isDisabled={isNone}
              title={`${say(hasAll ? count : what)}?`}
              keep={name === "Cancel" ? "Don't cancel" : undefined}
              action={say(count)}
              onConfirm={() => void run(action, jobs)}
            >
              {text}
            </AskFirst>
          );
        })}
    </div>
  );
}
