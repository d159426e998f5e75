import { useEffect } from "react";

import { useQuery } from "../session";
import { LISTED_JOB } from "../queries";
import { Picture } from "../parts/picture";
import { promptOf } from "../parts/prompt";
import { Status } from "../parts/status";

/** The last jobs of this page, newest first, to look at one again. */
export function RecentStrip({
  ids,
  shown,
  onShow,
  onGone,
}: {
  readonly ids: readonly string[];
  readonly shown: readonly string[];
  readonly onShow: (id: string) => void;
  readonly onGone: (id: string) => void;
}) {
  return (
    <ul className="run-strip" aria-label="Last jobs">
      {ids.map((id) => (
        <li key={id}>
          <Item id={id} isShown={shown.includes(id)} {...{ onShow, onGone }} />
        </li>
      ))}
    </ul>
  );
}

function Item({
  id,
  isShown,
  onShow,
  onGone,
}: {
  readonly id: string;
  readonly isShown: boolean;
  readonly onShow: (id: string) => void;
  readonly onGone: (id: string) => void;
}) {
  const { data } = useQuery(LISTED_JOB, { id });
  const job = data?.job;
  const isGone = job === null;
  useEffect(() => {
    if (isGone) onGone(id);
  }, [isGone, id, onGone]);
  const [asset] = job?.assets ?? [];
  const name = job ? `${promptOf(job) || "Job"}, ${job.deployment.name}` : "Job";
  return (
    <button
      type="button"
      className="run-small"
      aria-pressed={isShown}
      title={name}
      onClick={() => onShow(id)}
    >
      {asset ? (
        <Picture asset={asset} alt={name} isSmall />
      ) : (
        <>
          {job && <Status job={job} />}
          <span className="unseen">{name}</span>
        </>
      )}
    </button>
  );
}
