import type { JobRowFragment } from "../gql";
import { useViewer } from "../viewer";
import { toScope } from "./draft-store";
import type { Field } from "./fields";
import { toSentence } from "./issues";
import { isObject, parseJson } from "./json";
import { PRESSED_ONCE } from "./press";
import { drawSeed } from "./random";
import { useSubmit } from "./use-submit";

const UNBOUNDED = { minimum: null, maximum: null };

/** Submits what a job was given with another seed; nothing where it has none. */
export function Again({
  job,
  fields,
  onJob,
}: {
  readonly job: JobRowFragment;
  readonly fields: readonly Field[];
  readonly onJob: (job: JobRowFragment) => void;
}) {
  const viewer = useViewer();
  const deploymentId = job.deployment.id;
  // Not the form's, whose key for what is typed may be in use as code by now.
  const scope = `${toScope(viewer.id, deploymentId)} again`;
  const { submission, submit } = useSubmit({ scope, deploymentId, onJob });
  const { input } = job;
  const seed = findSeed(fields, input);
  if (!isObject(input) || seed === null) return null;
  const isSending = submission.kind === "sending";
  // Its job may run already, so that another seed would be another job.
  const left = submission.kind === "refused" && submission.isOpen ? submission.input : "";
  const again = (): void => {
    if (isSending) return;
    const last = parseJson(left);
    void submit(isObject(last) ? last : { ...input, [seed.name]: drawSeed(seed) });
  };
  return (
    <>
      <button type="button" aria-disabled={isSending} onClick={again} {...PRESSED_ONCE}>
        {isSending ? "Sending…" : left === "" ? "Again with a new seed" : "Try once more"}
      </button>
      {submission.kind === "refused" && (
        <span role="alert">
          {[
            ...submission.issues.map(({ path, message }) => toSentence(path, message)),
            submission.message,
          ].join(" ")}
        </span>
      )}
    </>
  );
}

function findSeed(fields: readonly Field[], input: unknown) {
  for (const { name, widget } of fields) if (widget.kind === "seed") return { name, ...widget };
  const isNumber = isObject(input) && typeof input["seed"] === "number";
  return isNumber ? { name: "seed", ...UNBOUNDED } : null;
}
