import { type ComponentProps, useEffect, useEffectEvent, useState } from "react";

import { CANCEL_THEM } from "../actions/actions";
import { Toolbar } from "../actions/toolbar";
import { useActions } from "../actions/use-actions";
import { ratioOf } from "../model/asset";
import { filesOf } from "../model/pictures";
import { useKept } from "../session/kept";
import { useFields } from "../session/use-fields";
import { useViewer } from "../session/viewer";
import { JobButton } from "./job-button";
import { JobPanel } from "./job-panel";
import { Progress } from "./progress";
import { recentOf, removeRecent } from "./recent";
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
        <Together key={together.join(" ")} ids={together} {...props} {...{ onShow }} />
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

/** The jobs of one submit. */
function Together({
  ids,
  onJobs,
  onShow,
}: Pick<Props, "onJobs" | "onShow"> & { readonly ids: readonly string[] }) {
  const { may } = useViewer();
  const { doing, problem, act } = useActions();
  const [waiting, setWaiting] = useState<ReadonlySet<string>>(new Set());
  const note = (id: string, isWaiting: boolean): void =>
    setWaiting((before) => {
      const others = [...before].filter((one) => one !== id);
      return new Set(isWaiting ? [...others, id] : others);
    });
  return (
    <div className="stack">
      {waiting.size > 0 && may("jobs:cancel") && (
        <button
          type="button"
          className="run-back"
          title="Those that wait: RunComfy can't cancel a job once it runs."
          aria-disabled={doing !== null}
          onClick={() => {
            if (doing === null) void act(CANCEL_THEM, [...waiting]);
          }}
        >
          {doing === null ? "Cancel all" : "Cancelling…"}
        </button>
      )}
      {problem !== "" && <p role="alert">{problem}</p>}
      <ul className="two run-made" aria-label="Made together">
        {ids.map((id) => (
          <li key={id} className="tile">
            <Tile {...{ id, onJobs }} onWaiting={note} onClick={() => onShow(id)} />
          </li>
        ))}
      </ul>
    </div>
  );
}

type ItemProps = { readonly id: string; readonly onClick: () => void };

function Tile({
  id,
  onJobs,
  onWaiting,
  onClick,
}: ItemProps &
  Pick<Props, "onJobs"> & {
    readonly onWaiting: (id: string, isWaiting: boolean) => void;
  }) {
  const { id: viewerId } = useViewer();
  const { job } = useRecentJob(id, true);
  const isWaiting = job?.isCancellable === true;
  const note = useEffectEvent(() => onWaiting(id, isWaiting));
  useEffect(() => note(), [isWaiting]);
  const aspectRatio = ratioOf(job?.input, useFields(job?.deployment.id ?? ""));
  return (
    <>
      <JobButton {...{ job, onClick }} style={{ aspectRatio }}>
        {job && !job.isFinished && job.status !== "HELD" && <Progress job={job} isSmall />}
      </JobButton>
      {job && (
        <Toolbar
          {...{ job, onJobs }}
          picture={filesOf(job)[0]}
          isShort
          onDeleted={() => removeRecent(viewerId, id)}
        />
      )}
    </>
  );
}

function Small({ id, isShown, onClick }: ItemProps & { readonly isShown: boolean }) {
  const { job } = useRecentJob(id, false);
  return <JobButton {...{ job, onClick }} aria-pressed={isShown} isSmall />;
}
