import { useRef } from "react";
import { useLocation } from "wouter";

import { useHandOver } from "../form/use-hand-over";
import { isTooSoon, noteAccepted, PRESSED_ONCE } from "../form/press";
import { useSession } from "../session";
import { useViewer } from "../viewer";
import { CANCEL_THEM, DELETE_THEM, RUN_THEM_AGAIN } from "./actions";
import { Confirm, NEW_JOB } from "./confirm";
import { DeleteButton } from "./delete-button";
import { useAction } from "./use-action";
import type { FullJob } from "./use-job";
import { removeFromLists } from "./use-job-list";

export type JobActionsProps = {
  readonly job: FullJob;
  readonly onTell: (problem: string) => void;
  readonly onChange: () => void;
};

/** What the viewer may do with a job; what went wrong is told by `onTell`. */
export function JobActions({ job, onTell, onChange }: JobActionsProps) {
  const [, navigate] = useLocation();
  const handOver = useHandOver();
  const session = useSession();
  const viewer = useViewer();
  const { doing, act } = useAction(job.id);
  const repetition = useRef<HTMLDialogElement>(null);
  const isMine = job.ownerId === viewer.id;
  const mayCancel = isMine && viewer.may("jobs:cancel");
  const maySubmit = viewer.may("jobs:submit");
  const isRisky = job.error?.retryable === false;
  // Of one that failed the page has said what another run costs, and one that was cancelled made nothing.
  const isAsked = job.status !== "CANCELLED" && job.error?.retryable !== true;
  const isInputToBlame = job.error?.code === "INFERENCE_FAILED";

  async function cancelIt(): Promise<void> {
    const { problem } = await act(CANCEL_THEM);
    onTell(problem ?? "");
    onChange();
  }

  async function deleteIt(): Promise<void> {
    const { problem } = await act(DELETE_THEM);
    if (problem !== null) return onTell(problem);
    removeFromLists(session, [job.id]);
    navigate("/jobs");
  }

  async function repeat(): Promise<void> {
    if (isTooSoon()) return;
    onTell("");
    const { problem, madeId } = await act(RUN_THEM_AGAIN);
    if (madeId !== undefined) {
      noteAccepted();
      navigate(`/jobs/${madeId}`);
    } else onTell(problem ?? "It was not run. Try again.");
  }

  return (
    <div className="row actions">
      {mayCancel && job.isCancellable && (
        <button disabled={doing === CANCEL_THEM} onClick={() => void cancelIt()}>
          {doing === CANCEL_THEM ? "Cancelling…" : "Cancel"}
        </button>
      )}
      {mayCancel && job.status === "IN_PROGRESS" && !job.isPaused && (
        <span className="hint">RunComfy can't cancel a job once it runs.</span>
      )}
      {maySubmit && isMine && (
        <button
          className={job.error?.retryable && !isInputToBlame ? "primary" : undefined}
          disabled={doing === RUN_THEM_AGAIN}
          {...PRESSED_ONCE}
          onClick={() => (isAsked ? repetition.current?.showModal() : void repeat())}
        >
          {doing === RUN_THEM_AGAIN ? "Sending…" : "Run again"}
        </button>
      )}
      {maySubmit && (
        <button
          className={isInputToBlame ? "primary" : undefined}
          onClick={() => handOver(job.deployment.id, job.input)}
        >
          Run again with changes
        </button>
      )}
      {mayCancel && (job.isFinished || job.isPaused) && (
        <DeleteButton
          jobs={[job]}
          isBusy={doing === DELETE_THEM}
          onDelete={() => void deleteIt()}
        />
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
