import { useRef } from "react";

import type { JobRowFragment } from "../gql";
import { Confirm } from "./confirm";

/** Deletes jobs once that is confirmed. */
export function DeleteButton({
  jobs,
  isBusy,
  onDelete,
}: {
  readonly jobs: readonly JobRowFragment[];
  readonly isBusy: boolean;
  readonly onDelete: () => void;
}) {
  const question = useRef<HTMLDialogElement>(null);
  const files = jobs.reduce((sum, { assets }) => sum + assets.length, 0);
  return (
    <>
      <button disabled={isBusy} onClick={() => question.current?.showModal()}>
        Delete
      </button>
      <Confirm
        dialog={question}
        title={jobs.length === 1 ? "Delete this job?" : `Delete ${jobs.length} jobs?`}
        keep="Don't delete"
        action="Delete"
        onConfirm={onDelete}
      >
        {files > 1 && `All ${files} files go. `}
        What went in, what came out and the files that are kept here will be gone for good.
      </Confirm>
    </>
  );
}
