import type { JobRowFragment } from "../gql";
import { isObject } from "../model/json";
import { findSeeds, withSeeds } from "../model/seeds";
import { isRisky as mayHaveRun } from "../model/words";
import { useKept } from "../session/kept";
import { drawnOf, toScope } from "../session/submit-keys";
import { toProblem } from "../session/use-call";
import { useFields } from "../session/use-fields";
import { useViewer } from "../session/viewer";
import { AskFirst, NEW_JOB } from "../ui/confirm";
import { TotalPrice } from "./total-price";
import { useSubmit } from "./use-submit";

/** Submits what a job was given once more, with the same seed or a new one. */
export function Again({
  job,
  onJobs,
}: {
  readonly job: JobRowFragment;
  readonly onJobs: (jobs: readonly JobRowFragment[]) => void;
}) {
  const viewer = useViewer();
  const deploymentId = job.deployment.id;
  const fields = useFields(deploymentId);
  // Not the form's, whose key for what is typed may be in use as code by now.
  const scope = `${toScope(viewer.id, deploymentId)} again`;
  const drawn = useKept(drawnOf(scope));
  const { submission, submit } = useSubmit({ scope, deploymentId, onJobs });
  const input = isObject(job.input) ? job.input : {};
  const seeds = findSeeds(fields, input);
  const isSending = submission.attempt > 0;
  const isRisky = mayHaveRun(job);
  const isToRepeat = job.error?.retryable === true && job.error.code !== "INFERENCE_FAILED";
  const said = toProblem({ __typename: "", issues: submission.issues });
  const send = (isSame: boolean): void => {
    const unset = Object.fromEntries(seeds.map(({ name }) => [name, undefined]));
    void submit([isSame ? input : withSeeds(seeds, { ...input, ...unset }, drawn)]);
  };
  return (
    <>
      <AskFirst
        label={isSending ? "Sending…" : "Run again"}
        className={isToRepeat ? "primary" : undefined}
        isDisabled={isSending}
        title={isRisky ? "Run it again all the same?" : "Run it again?"}
        action={seeds.length > 0 ? "New seed" : "Run again"}
        also={seeds.length > 0 ? "Same seed" : undefined}
        onConfirm={send}
      >
        {isRisky && "Its run may have cost money, or still be running. "}
        It is {NEW_JOB}.
        {seeds.length > 0 && " A new seed makes a variation, the same seed mostly the same again."}
        <TotalPrice jobs={[job]} />
      </AskFirst>
      {submission.problem !== "" && <span role="alert">{`${said} ${submission.problem}`}</span>}
    </>
  );
}
