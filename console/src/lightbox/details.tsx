import { Link } from "wouter";

import { DELETE_THEM } from "../actions/actions";
import { Labels } from "../actions/labels";
import { CompareWith, UseAsInput } from "../actions/offers";
import { useActions } from "../actions/use-actions";
import { sizeOf } from "../model/asset";
import { tellJobCost } from "../model/costs";
import { isObject } from "../model/json";
import { type Shown, withOpened } from "../model/pictures";
import { promptOf } from "../model/prompt";
import { drawSeed, findSeeds } from "../model/seeds";
import { formatSeconds } from "../model/words";
import { usePrices } from "../session/part";
import { useFields } from "../session/use-fields";
import { useHandOver } from "../session/use-hand-over";
import { useViewer } from "../session/viewer";
import { DeleteButton } from "../ui/confirm";
import { Copy } from "../ui/copy";
import { Fact } from "../ui/fact";
import { Folded } from "../ui/folded";
import { SaveLink } from "../ui/save-link";
import { Ago } from "../ui/time";

/** What made a picture, and what can be done with it. */
export function Details({
  picture,
  near,
  onCompare,
  onDeleted,
}: {
  readonly picture: Shown;
  /** Those that it can be compared with. */
  readonly near: readonly Shown[];
  readonly onCompare: (other: Shown) => void;
  readonly onDeleted: () => void;
}) {
  const { job, asset, n } = picture;
  const viewer = useViewer();
  const handOver = useHandOver();
  const hasPrices = usePrices();
  const fields = useFields(job.deployment.id);
  const { doing, problem, act } = useActions();
  const input = isObject(job.input) ? job.input : {};
  const seeds = findSeeds(fields, input).filter(({ name }) => typeof input[name] === "number");
  const size = sizeOf(input, asset);
  const link = `${location.origin}/gallery?${withOpened(new URLSearchParams(), picture.key)}`;
  const prompt = promptOf(job);
  async function deleteIt(): Promise<void> {
    const { done } = await act(DELETE_THEM, [job.id]);
    if (done.length > 0) onDeleted();
  }

  return (
    <>
      <div className="stack lightbox-facts">
        <div aria-live="polite">
          <Folded text={prompt || "It was made without a prompt."} />
        </div>
        {prompt !== "" && <Copy text={prompt} name="the prompt" />}
        <dl className="small">
          {seeds.map(({ name }) => (
            <Fact key={name} name={seeds.length > 1 ? name : "Seed"}>
              {String(input[name])} <Copy text={String(input[name])} name="the seed" />
            </Fact>
          ))}
          <Fact name="Deployment">{job.deployment.name}</Fact>
          {size && (
            <Fact name="Size">
              {size.width} × {size.height}
              {!asset.width && " asked for"}
            </Fact>
          )}
          <Fact name="Made">
            <Ago at={job.finishedAt ?? job.createdAt} />
            {job.runSeconds !== null && `, in ${formatSeconds(job.runSeconds)}`}
          </Fact>
          {(hasPrices || job.cost.source === "EXACT") && (
            <Fact name="Cost">{tellJobCost(job)}</Fact>
          )}
        </dl>
        <Labels job={job} screen="gallery" />
      </div>
      <div className="two lightbox-actions">
        {viewer.may("jobs:submit") && (
          <>
            <button className="primary" onClick={() => handOver(job.deployment.id, input)}>
              Use these values
            </button>
            {seeds.length > 0 && (
              <button
                onClick={() => {
                  const drawn = seeds.map((seed) => [seed.name, drawSeed(seed)]);
                  handOver(job.deployment.id, { ...input, ...Object.fromEntries(drawn) });
                }}
              >
                New seed
              </button>
            )}
            <UseAsInput picture={picture} />
          </>
        )}
        <CompareWith pictures={near} onChoose={onCompare} />
        <SaveLink {...{ job, asset, n }} />
        <Copy text={link} name="link" label="Copy link" />
        <Link className="button" href={`/jobs/${job.id}`} aria-keyshortcuts="i">
          Details
        </Link>
        {job.ownerId === viewer.id && viewer.may("jobs:cancel") && (
          <DeleteButton jobs={[job]} isBusy={doing !== null} onDelete={() => void deleteIt()} />
        )}
        {problem !== "" && <p role="alert">{problem}</p>}
      </div>
    </>
  );
}
