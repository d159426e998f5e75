import { useState } from "react";
import { Link, useSearchParams } from "wouter";

import { type Action, DELETE_THEM, editThem } from "../actions/actions";
import { AddTag } from "../actions/add-tag";
import { useActions } from "../actions/use-actions";
import type { Selection } from "../actions/use-selection";
import { OPENED_HERE, picturesOf, withOpened } from "../model/pictures";
import { useParts } from "../session/part";
import { useViewer } from "../session/viewer";
import { DeleteButton } from "../ui/confirm";

/** What can be done with the selected jobs; nothing where there are none. */
export function SelectionBar({ selection }: { readonly selection: Selection }) {
  const viewer = useViewer();
  const [search] = useSearchParams();
  const { doing, said, act } = useActions();
  const [notice, setNotice] = useState("");
  const { selected } = selection;
  const isBusy = doing !== null;
  const ids = selected.map(({ id }) => id);
  const parts = useParts();

  async function run(action: Action): Promise<void> {
    if (isBusy) return;
    setNotice("");
    const { done } = await act(action, ids);
    if (action === DELETE_THEM) selection.drop(done);
  }

  if (selected.length === 0)
    return (
      <p role="status" className="unseen">
        {notice || said}
      </p>
    );

  const isMine = selected.every(({ ownerId }) => ownerId === viewer.id);
  const isStarred = selected.every((job) => job.isStarred);
  // Of two jobs the first pictures, and of one its first two.
  const [one, other] = selected.flatMap((job) => picturesOf(job).slice(0, 3 - selected.length));
  return (
    <div className="floating row gallery-selection" role="group" aria-label="With what is selected">
      <span role="status">{ids.length} selected</span>
      {selected.length <= 2 && one && other && (
        <Link
          className="button"
          href={`/gallery?${withOpened(search, one.key, other.key)}`}
          state={OPENED_HERE}
        >
          Compare
        </Link>
      )}
      {parts.map(
        ({ SelectionButton }, index) =>
          SelectionButton && <SelectionButton key={index} ids={ids} onSaid={setNotice} />,
      )}
      {isMine && viewer.may("jobs:submit") && (
        <>
          <button
            aria-disabled={isBusy}
            onClick={() => void run(editThem({ isStarred: !isStarred }))}
          >
            {isStarred ? "Unstar" : "Star"}
          </button>
          <AddTag isBusy={isBusy} onAdd={(tag) => void run(editThem({ addTags: [tag] }))} />
        </>
      )}
      {isMine && viewer.may("jobs:cancel") && (
        <DeleteButton jobs={selected} isBusy={isBusy} onDelete={() => void run(DELETE_THEM)} />
      )}
      <button aria-label="Clear the selection" onClick={selection.clear}>
        ✕
      </button>
      <span role="status" className="hint">
        {notice || said}
      </span>
    </div>
  );
}
