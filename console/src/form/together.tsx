import { useEffect } from "react";

import type { JobRowFragment } from "../gql";
import { Picture } from "../parts/picture";
import { promptOf } from "../parts/prompt";
import { Status } from "../parts/status";
import type { Field } from "./fields";
import { Progress } from "./progress";
import { toRatio } from "./result";
import { useJob } from "./use-job";

type Props = {
  readonly submitted: readonly JobRowFragment[];
  readonly fieldsOf: (deploymentId: string) => readonly Field[];
  readonly onShow: (id: string) => void;
  readonly onGone: (id: string) => void;
};

/** Jobs that were made together, to choose one of them. */
export function Together({ ids, ...props }: Props & { readonly ids: readonly string[] }) {
  return (
    <ul className="run-together" aria-label="Made together">
      {ids.map((id, index) => (
        <li key={id}>
          <Tile id={id} n={index + 1} {...props} />
        </li>
      ))}
    </ul>
  );
}

function Tile({
  id,
  n,
  submitted,
  fieldsOf,
  onShow,
  onGone,
}: Props & { readonly id: string; readonly n: number }) {
  const state = useJob(id, submitted);
  const isGone = state.kind === "gone";
  useEffect(() => {
    if (isGone) onGone(id);
  }, [isGone, id, onGone]);
  const job = state.kind === "known" ? state.job : null;
  const [asset] = job?.assets ?? [];
  const fields = job ? fieldsOf(job.deployment.id) : [];
  return (
    <button
      type="button"
      className="run-frame run-tile"
      aria-label={`Open ${n}: ${(job && promptOf(job)) || "a job"}`}
      style={{ aspectRatio: toRatio(job?.input, fields) }}
      onClick={() => onShow(id)}
    >
      {asset && <Picture asset={asset} alt="" />}
      {job && !asset && !job.isFinished && <Progress job={job} isSmall />}
      {job && !asset && <Status job={job} />}
    </button>
  );
}
