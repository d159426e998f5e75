import { useRef, useState } from "react";
import { useClient, useMutation } from "urql";
import { useLocation } from "wouter";

import type { Viewer } from "../viewer";
import { CANCEL, DELETE } from "../documents";
import { toScope } from "../form/draft-store";
import { keep } from "../form/keep";
import { isTooSoon, noteAccepted, PRESSED_ONCE } from "../form/press";
import { explain } from "../session";
import { runAgain } from "./actions";
import { Confirm, NEW_JOB } from "./confirm";
import type { FullJob } from "./use-job";
import { removeFromList } from "./use-job-list";

export type JobActionsProps = {
  readonly job: FullJob;
  readonly viewer: Viewer;
  readonly onTell: (problem: string) => void;
  readonly onChange: () => void;
};

/** What the viewer may do with a job; what went wrong is told by `onTell`. */
export function JobActions({ job, viewer, onTell, onChange }: JobActionsProps) {
  const [, navigate] = useLocation();
  const client = useClient();
  const [cancelling, cancel] = useMutation(CANCEL);
  const [deleting, remove] = useMutation(DELETE);
  const [isRunning, setIsRunning] = useState(false);
  const deletion = useRef<HTMLDialogElement>(null);
  const repetition = useRef<HTMLDialogElement>(null);
  const isMine = job.ownerId === viewer.id;
  const mayCancel = isMine && viewer.scopes.includes("jobs:cancel");
  const maySubmit = viewer.scopes.includes("jobs:submit");
  const isRisky = job.error?.retryable === false;
  // Of one that failed the page has said what another run costs, and one that was cancelled made nothing.
  const isAsked = job.status !== "CANCELLED" && job.error?.retryable !== true;
  const isInputToBlame = job.error?.code === "INFERENCE_FAILED";

  async function cancelIt(): Promise<void> {
    const { data, error } = await cancel({ id: job.id });
    const result = data?.cancelJob;
    const problem = result && "message" in result ? result.message : "";
    onTell(error ? explain(error) : problem);
    onChange();
  }

  async function deleteIt(): Promise<void> {
    const { data, error } = await remove({ id: job.id });
    const result = data?.deleteJob;
    if (result?.__typename === "DeleteJobSuccess") {
      removeFromList(client, [job.id]);
      navigate("/jobs");
    } else onTell(error ? explain(error) : (result?.message ?? "It was not deleted. Try again."));
  }

  async function repeat(): Promise<void> {
    if (isTooSoon()) return;
    setIsRunning(true);
    onTell("");
    const { problem, madeId } = await runAgain({ client, viewerId: viewer.id }, job.id);
    setIsRunning(false);
    if (madeId !== undefined) {
      noteAccepted();
      navigate(`/jobs/${madeId}`);
    } else onTell(problem ?? "It was not run. Try again.");
  }

  function change(): void {
    const draft = JSON.stringify({ input: job.input });
    if (!keep(`draft:${toScope(viewer.id, job.deployment.id)}`, draft))
      return onTell("It has too much input for this browser to keep. Run it again as it is.");
    navigate(`/run/${encodeURIComponent(job.deployment.id)}`);
  }

  return (
    <div className="row actions">
      {mayCancel && job.isCancellable && (
        <button disabled={cancelling.fetching} onClick={() => void cancelIt()}>
          {cancelling.fetching ? "Cancelling…" : "Cancel"}
        </button>
      )}
      {maySubmit && isMine && (
        <button
          className={job.error?.retryable && !isInputToBlame ? "primary" : undefined}
          disabled={isRunning}
          {...PRESSED_ONCE}
          onClick={() => (isAsked ? repetition.current?.showModal() : void repeat())}
        >
          {isRunning ? "Sending…" : "Run again"}
        </button>
      )}
      {maySubmit && (
        <button className={isInputToBlame ? "primary" : undefined} onClick={change}>
          Run again with changes
        </button>
      )}
      {mayCancel && job.isFinished && (
        <button disabled={deleting.fetching} onClick={() => deletion.current?.showModal()}>
          Delete
        </button>
      )}
      {mayCancel && (
        <Confirm
          dialog={deletion}
          title="Delete this job?"
          keep="Don't delete"
          action="Delete"
          onConfirm={() => void deleteIt()}
        >
          What went in, what came out and the files that are kept here will be gone for good.
        </Confirm>
      )}
      {isAsked && (
        <Confirm
          dialog={repetition}
          title={isRisky ? "Run it again all the same?" : "Run it again?"}
          keep="Don't run it"
          action="Run again"
          onConfirm={() => void repeat()}
        >
          {isRisky
            ? `The first run may have cost money, or still be running. ${job.error?.message}`
            : `It is ${NEW_JOB}. The same input, its seed included, mostly gives the same result: for another one, run it again with changes.`}
        </Confirm>
      )}
    </div>
  );
}
