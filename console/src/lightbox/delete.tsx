import { useRef, useState } from "react";

import type { JobRowFragment } from "../gql";
import { DELETE_THEM } from "../jobs/actions";
import { Confirm } from "../jobs/confirm";
import { useAction } from "../jobs/use-action";
import { removeFromLists } from "../jobs/use-job-list";
import { useSession } from "../session";

/** Deletes the job of a picture once that is confirmed. */
export function Delete({
  job,
  onDeleted,
}: {
  readonly job: JobRowFragment;
  readonly onDeleted: () => void;
}) {
  const session = useSession();
  const { doing, act } = useAction(job.id);
  const question = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<string | null>(null);

  async function deleteIt(): Promise<void> {
    const outcome = await act(DELETE_THEM);
    setProblem(outcome.problem);
    if (outcome.problem !== null) return;
    removeFromLists(session, [job.id]);
    onDeleted();
  }

  return (
    <>
      <button disabled={doing !== null} onClick={() => question.current?.showModal()}>
        Delete
      </button>
      {problem !== null && <span role="alert">{problem}</span>}
      <Confirm
        dialog={question}
        title="Delete this job?"
        keep="Don't delete"
        action="Delete"
        onConfirm={() => void deleteIt()}
      >
        {job.assets.length > 1 && `It made ${job.assets.length} files, which all go. `}
        What went in, what came out and the files that are kept here will be gone for good.
      </Confirm>
    </>
  );
}
