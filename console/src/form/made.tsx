import type { ComponentProps } from "react";

import { ratioOf } from "../model/asset";
import { useKept } from "../session/kept";
import { useViewer } from "../session/viewer";
import { JobButton } from "./job-button";
import { JobPanel } from "./job-panel";
import { Progress } from "./progress";
import { recentOf } from "./recent";
import { useRecentJob } from "./use-recent-job";

type Props = Omit<ComponentProps<typeof JobPanel>, "id"> & {
  /** Null for all that were made together. */
  readonly onShow: (id: string | null) => void;
};

/** What was made here: a job, or several to choose one of, and those before them. */
export function Made({ onShow, ...props }: Props) {
  const viewer = useViewer();
  const { ids, together, shown } = useKept(recentOf(viewer.id));
  const one = shown ?? (together.length === 1 ? together[0] : undefined);
  return (
    <>
      {one === undefined && together.length > 0 && (
        <ul className="two" aria-label="Made together">
          {together.map((id) => (
            <li key={id}>
              <Tile id={id} fieldsOf={props.fieldsOf} onClick={() => onShow(id)} />
            </li>
          ))}
        </ul>
      )}
      {one !== undefined && (
        <div className="stack">
          {together.length > 1 && together.includes(one) && (
            <button type="button" className="run-back" onClick={() => onShow(null)}>
              ← All {together.length}
            </button>
          )}
          <JobPanel key={one} id={one} {...props} />
        </div>
      )}
      {viewer.mayRead && ids.length > 0 && (
        <ul className="run-strip" aria-label="Last jobs">
          {ids.map((id) => (
            <li key={id}>
              <Small
                id={id}
                isShown={id === one || (one === undefined && together.includes(id))}
                onClick={() => onShow(id)}
              />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

type ItemProps = { readonly id: string; readonly onClick: () => void };

function Tile({ id, fieldsOf, onClick }: ItemProps & Pick<Props, "fieldsOf">) {
  const { job } = useRecentJob(id, true);
  const aspectRatio = ratioOf(job?.input, job ? fieldsOf(job.deployment.id) : []);
  return (
    <JobButton {...{ job, onClick }} style={{ aspectRatio }}>
      {job && !job.isFinished && job.status !== "HELD" && <Progress job={job} isSmall />}
    </JobButton>
  );
}

function Small({ id, isShown, onClick }: ItemProps & { readonly isShown: boolean }) {
  const { job } = useRecentJob(id, false);
  return <JobButton {...{ job, onClick }} aria-pressed={isShown} isSmall />;
}
