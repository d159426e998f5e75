import { useLocation } from "wouter";

import { Again } from "../form/again";
import type { Field } from "../form/fields";
import { useHandOver } from "../form/use-hand-over";
import { useViewer } from "../viewer";
import { CANCEL_THEM, DELETE_THEM } from "./actions";
import { DeleteButton } from "./confirm";
import { useActions } from "./use-actions";
import type { FullJob } from "./use-job";

/** What the viewer may do with a job. */
export function JobActions({
  job,
  fields,
  onChange,
}: {
  readonly job: FullJob;
  readonly fields: readonly Field[];
  readonly onChange: () => void;
}) {
  const [, navigate] = useLocation();
  const handOver = useHandOver();
  const viewer = useViewer();
  const { doing, problem, act } = useActions();
  const isMine = job.ownerId === viewer.id;
  const mayCancel = isMine && viewer.may("jobs:cancel");
  const maySubmit = viewer.may("jobs:submit");

  async function deleteIt(): Promise<void> {
    const { done } = await act(DELETE_THEM, [job.id]);
    if (done.length > 0) navigate("/jobs");
  }

  return (
    <div className="row job-actions">
      {mayCancel && job.isCancellable && (
        <button
          disabled={doing !== null}
          onClick={() => void act(CANCEL_THEM, [job.id]).then(onChange)}
        >
          {doing === CANCEL_THEM ? "Cancelling…" : "Cancel"}
        </button>
      )}
      {mayCancel && job.status === "IN_PROGRESS" && !job.isPaused && (
        <span className="hint">RunComfy can't cancel a job once it runs.</span>
      )}
      {maySubmit && isMine && (
        <Again {...{ job, fields }} onJobs={([made]) => made && navigate(`/jobs/${made.id}`)} />
      )}
      {maySubmit && (
        <button onClick={() => handOver(job.deployment.id, job.input)}>
          Run again with changes
        </button>
      )}
      {mayCancel && (job.isFinished || job.isPaused) && (
        <DeleteButton jobs={[job]} isBusy={doing !== null} onDelete={() => void deleteIt()} />
      )}
      <span role="alert">{problem}</span>
    </div>
  );
}
