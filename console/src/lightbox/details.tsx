import { Tags } from "../actions/labels";
import { Toolbar } from "../actions/toolbar";
import { sizeOf } from "../model/asset";
import { isObject } from "../model/json";
import { type Shown, titleOf } from "../model/pictures";
import { promptOf } from "../model/prompt";
import { findSeeds } from "../model/seeds";
import { formatSeconds } from "../model/words";
import { useFields } from "../session/use-fields";
import { Copy } from "../ui/copy";
import { Fact } from "../ui/fact";
import { Folded } from "../ui/folded";
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
  const { job, asset } = picture;
  const fields = useFields(job.deployment.id);
  const input = isObject(job.input) ? job.input : {};
  const seeds = findSeeds(fields, input).filter(({ name }) => typeof input[name] === "number");
  const size = sizeOf(input, asset);
  const prompt = promptOf(job);
  return (
    <>
      <div className="stack lightbox-facts">
        <h2>{titleOf(picture)}</h2>
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
        </dl>
        <Tags job={job} screen="gallery" />
      </div>
      <div className="lightbox-actions">
        <Toolbar {...{ job, picture, near, onCompare, onDeleted }} />
      </div>
    </>
  );
}
