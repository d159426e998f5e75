import { useRef } from "react";

import type { JobRowFragment } from "../gql";
import { Confirm, NEW_JOB } from "../jobs/confirm";
import { useStore } from "../store";
import { useViewer } from "../viewer";
import { toScope } from "./draft-store";
import type { Field } from "./fields";
import { toSentence } from "./issues";
import { isObject } from "./json";
import { PRESSED_ONCE } from "./press";
import { drawnOf, findSeeds, withSeeds } from "./seeds";
import { useSubmit } from "./use-submit";

/** Submits what a job was given once more, with the same seed or a new one. */
export function Again({
  job,
  fields,
  onJobs,
}: {
  readonly job: JobRowFragment;
  readonly fields: readonly Field[];
  readonly onJobs: (jobs: readonly JobRowFragment[]) => void;
}) {
  const viewer = useViewer();
  const question = useRef<HTMLDialogElement>(null);
  const deploymentId = job.deployment.id;
  // Not the form's, whose key for what is typed may be in use as code by now.
  const scope = `${toScope(viewer.id, deploymentId)} again`;
  const drawn = useStore(drawnOf(scope));
  const { submission, submit } = useSubmit({ scope, deploymentId, onJobs });
  const { input } = job;
  if (!isObject(input)) return null;
  const seeds = findSeeds(fields, input);
  const isSending = submission.kind === "sending";
  const send = (isSame: boolean): void => {
    const unset = Object.fromEntries(seeds.map(({ name }) => [name, undefined]));
    void submit([isSame ? input : withSeeds(seeds, { ...input, ...unset }, drawn)]);
  };
  return (
    <>
      <button
        type="button"
        aria-disabled={isSending}
        onClick={() => isSending || question.current?.showModal()}
        {...PRESSED_ONCE}
      >
        {isSending ? "Sending…" : "Run again"}
      </button>
      {submission.kind === "refused" && (
        <span role="alert">
          {[
            ...submission.issues.map(({ path, message }) => toSentence(path, message)),
            submission.message,
          ].join(" ")}
        </span>
      )}
      <Confirm
        dialog={question}
        title="Run it again?"
        keep="Don't run it"
        action={seeds.length > 0 ? "New seed" : "Run again"}
        also={seeds.length > 0 ? "Same seed" : undefined}
        onConfirm={send}
      >
        {job.error?.retryable === false &&
          "The first run may have cost money, or still be running. "}
        It is {NEW_JOB}.
        {seeds.length > 0 && " A new seed makes a variation, the same seed mostly the same again."}
      </Confirm>
    </>
  );
}
