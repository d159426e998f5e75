import type { ComponentProps } from "react";
import { Link, useLocation, useSearchParams } from "wouter";

import type { JobRowFragment } from "../gql";
import { tellJobCost } from "../model/costs";
import { describe, filesOf, OPENED_HERE, type Shown, withOpened } from "../model/pictures";
import { promptOf } from "../model/prompt";
import { usePrices } from "../session/part";
import { useHandOver } from "../session/use-hand-over";
import { useViewer } from "../session/viewer";
import { DeleteButton } from "../ui/confirm";
import { Copy } from "../ui/copy";
import { Offer } from "../ui/offer";
import { SaveLink } from "../ui/save-link";
import { CANCEL_THEM, DELETE_THEM, editThem } from "./actions";
import { AddTag } from "./add-tag";
import { Again } from "./again";
import { Tags } from "./labels";
import { Near, Takers } from "./offers";
import { useActions } from "./use-actions";
import "./toolbar.css";

type Props = {
  readonly job: JobRowFragment;
  /** Which of the job's files is meant; by default its only one. */
  readonly picture?: Shown | undefined;
  /** Whether what is done with the job stands in another toolbar. */
  readonly isOfPicture?: boolean;
  /** What it can be compared with; by default what was made around it. */
  readonly near?: readonly Shown[];
  /** By default both are opened over the screen. */
  readonly onCompare?: (other: Shown) => void;
  /** Called with the job that "Run again" made; by default its page is opened. */
  readonly onJobs?: ComponentProps<typeof Again>["onJobs"];
  readonly onDeleted?: () => void;
};

/** What can be done with a job and what it made: the same, in the same order, wherever that is shown. */
export function Toolbar({
  isShort = false,
  ...props
}: Props & {
  /** Whether it is a menu that a button opens. */
  readonly isShort?: boolean;
}) {
  const { job, picture } = props;
  const name = `Actions: ${picture ? describe(picture) : promptOf(job) || job.deployment.name}`;
  if (!isShort)
    return (
      <div className="row toolbar" role="group" aria-label={name}>
        <Offers {...props} />
      </div>
    );
  return (
    <Offer {...{ name }} sign="⋯" className="toolbar-more" menuClassName="toolbar-menu" isKept>
      <Offers {...props} />
    </Offer>
  );
}

function Offers({
  job,
  picture = onlyFileOf(job),
  isOfPicture = false,
  near,
  onCompare,
  onJobs,
  onDeleted,
}: Props) {
  const viewer = useViewer();
  const [location, navigate] = useLocation();
  const [search] = useSearchParams();
  const handOver = useHandOver();
  const { doing, problem, act } = useActions();
  const isBusy = doing !== null;
  const hasCost = usePrices() || job.cost.source === "EXACT";

  const isOfJob = !isOfPicture;
  const isMine = isOfJob && job.ownerId === viewer.id;
  const { mayRead } = viewer;
  const maySubmit = viewer.may("jobs:submit");
  const mayEnd = isMine && viewer.may("jobs:cancel");
  const seen = picture && picture.asset.kind !== "OTHER" ? picture : null;
  const page = `/jobs/${job.id}`;
  const link = seen ? `/gallery?${withOpened(new URLSearchParams(), seen.key)}` : page;

  const edit = (change: Parameters<typeof editThem>[0]): void => {
    if (!isBusy) void act(editThem(change), [job.id]);
  };
  const compare = (other: Shown): void => {
    if (onCompare) return onCompare(other);
    const address = `${location}?${withOpened(search, seen?.key ?? "", other.key)}`;
    return navigate(address, { state: OPENED_HERE });
  };
  async function deleteIt(): Promise<void> {
    const { done } = await act(DELETE_THEM, [job.id]);
    if (done.length > 0) onDeleted?.();
  }

  return (
    <>
      {picture && <SaveLink {...picture} />}
      {isMine && maySubmit && mayRead && (
        <>
          <button
            type="button"
            className="star"
            aria-pressed={job.isStarred}
            aria-disabled={isBusy}
            onClick={() => edit({ isStarred: !job.isStarred })}
          >
            Star
          </button>
          <Offer name="Tags">
            <Tags job={job} screen="gallery" onRemove={(tag) => edit({ removeTags: [tag] })} />
            <AddTag isBusy={isBusy} onAdd={(tag) => edit({ addTags: [tag] })} />
          </Offer>
        </>
      )}
      {seen && mayRead && (
        <Offer name="Compare">
          <Near picture={seen} near={near} onChoose={compare} />
        </Offer>
      )}
      {seen && maySubmit && (
        <Offer name="Use as input">
          <Takers picture={seen} />
        </Offer>
      )}
      {isOfJob && maySubmit && (
        <button type="button" onClick={() => handOver(job.deployment.id, job.input)}>
          Use these values
        </button>
      )}
      {isMine && maySubmit && (
        <Again job={job} onJobs={onJobs ?? (([made]) => made && navigate(`/jobs/${made.id}`))} />
      )}
      {mayRead && <Copy text={`${window.location.origin}${link}`} name="the link" label="Link" />}
      {isOfJob && mayRead && location !== page && (
        <Link className="button" href={page}>
          Details
        </Link>
      )}
      {mayEnd && job.isCancellable && (
        <button
          type="button"
          aria-disabled={isBusy}
          onClick={() => {
            if (!isBusy) void act(CANCEL_THEM, [job.id]);
          }}
        >
          {doing === CANCEL_THEM ? "Cancelling…" : "Cancel"}
        </button>
      )}
      {mayEnd && (job.isFinished || job.isPaused) && (
        <DeleteButton jobs={[job]} isBusy={isBusy} onDelete={() => void deleteIt()} />
      )}
      {isOfJob && hasCost && <span className="hint">Cost: {tellJobCost(job)}</span>}
      {mayEnd && job.status === "IN_PROGRESS" && !job.isPaused && (
        <span className="hint">RunComfy can't cancel a job once it runs.</span>
      )}
      {problem !== "" && <span role="alert">{problem}</span>}
    </>
  );
}

function onlyFileOf(job: JobRowFragment): Shown | undefined {
  const [only, ...others] = filesOf(job);
  return others.length === 0 ? only : undefined;
}
