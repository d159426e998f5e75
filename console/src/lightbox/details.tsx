import { type ReactNode, useState } from "react";
import { Link } from "wouter";

import { formatUsd } from "../deployments/words";
import { isObject } from "../form/json";
import { drawSeed, findSeeds } from "../form/seeds";
import { useHandOver } from "../form/use-hand-over";
import { DELETE_THEM } from "../jobs/actions";
import { DeleteButton } from "../jobs/confirm";
import { useActions } from "../jobs/use-actions";
import { useFields } from "../jobs/use-fields";
import { Star } from "../labels/star";
import { Tags } from "../labels/tags";
import { Copy } from "../parts/copy";
import { Folded } from "../parts/folded";
import { sizeOf } from "../parts/picture";
import { promptOf } from "../parts/prompt";
import { SaveLink } from "../parts/save-link";
import { Ago, formatSeconds } from "../parts/time";
import { useViewer } from "../viewer";
import { withOpened } from "./address";
import { Chooser } from "./chooser";
import type { Shown } from "./pictures";
import { Targets } from "./targets";

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
  const seeds = useSeeds(picture);
  const { doing, problem, act } = useActions();
  const [asked, setAsked] = useState<"to compare" | "for a form" | null>(null);
  const size = sizeOf(job.input, asset);
  const maySubmit = viewer.may("jobs:submit");
  const link = `${location.origin}/gallery?${withOpened(new URLSearchParams(), picture)}`;
  const prompt = promptOf(job);
  async function deleteIt(): Promise<void> {
    const { done } = await act(DELETE_THEM, [job.id]);
    if (done.length > 0) onDeleted();
  }
  const ask = (what: typeof asked) => () => setAsked(asked === what ? null : what);

  return (
    <>
      <div className="lightbox-told">
        <div aria-live="polite">
          <Folded text={prompt || "It was made without a prompt."} />
        </div>
        <div className="row">
          <Star job={job} />
          {prompt !== "" && <Copy text={prompt} name="the prompt" />}
        </div>
        <dl>
          {seeds.map(({ name, value }) => (
            <Fact key={name} name={seeds.length > 1 ? name : "Seed"}>
              {value} <Copy text={String(value)} name="the seed" />
            </Fact>
          ))}
          <Fact name="Deployment">{job.deployment.name}</Fact>
          {size && (
            <Fact name="Size">
              {size.width} × {size.height}
              {!asset.width && " asked for"}
            </Fact>
          )}
          {job.assets.length > 1 && (
            <Fact name="Output">
              {n + 1} of {job.assets.length}
            </Fact>
          )}
          <Fact name="Made">
            <Ago at={job.finishedAt ?? job.createdAt} />
            {job.runSeconds !== null && `, in ${formatSeconds(job.runSeconds)}`}
          </Fact>
          {job.cost?.amount != null && <Fact name="Cost">{formatUsd(job.cost.amount)}</Fact>}
        </dl>
        <Tags job={job} screen="gallery" />
        {asked !== null && (
          <section
            key={asked}
            ref={enter}
            className="lightbox-offer"
            tabIndex={-1}
            aria-labelledby="offer"
          >
            <h3 id="offer">{asked === "to compare" ? "Compare with" : "Fill it into"}</h3>
            {asked === "to compare" ? (
              <Chooser pictures={near} except={picture.key} onChoose={onCompare} />
            ) : (
              <Targets picture={picture} />
            )}
          </section>
        )}
      </div>
      <div className="lightbox-actions">
        {maySubmit && (
          <>
            <button className="primary" onClick={() => handOver(job.deployment.id, job.input)}>
              Use these values
            </button>
            {isObject(job.input) && seeds.length > 0 && (
              <button
                onClick={() => {
                  const drawn = seeds.map((seed) => [seed.name, drawSeed(seed)]);
                  handOver(job.deployment.id, {
                    ...Object(job.input),
                    ...Object.fromEntries(drawn),
                  });
                }}
              >
                New seed
              </button>
            )}
            <button aria-expanded={asked === "for a form"} onClick={ask("for a form")}>
              Use as input
            </button>
          </>
        )}
        <button aria-expanded={asked === "to compare"} onClick={ask("to compare")}>
          Compare with…
        </button>
        <SaveLink {...{ job, asset, n }} />
        <Copy text={link} name="link" label="Copy link" />
        <Link className="button" href={`/jobs/${job.id}`} aria-keyshortcuts="i">
          Details
        </Link>
        {job.ownerId === viewer.id && viewer.may("jobs:cancel") && (
          <DeleteButton jobs={[job]} isBusy={doing !== null} onDelete={() => void deleteIt()} />
        )}
        {problem !== "" && <span role="alert">{problem}</span>}
      </div>
    </>
  );
}

/** It stands before the button that opens it, and on a phone below what is seen. */
function enter(offer: HTMLElement | null): void {
  offer?.focus({ preventScroll: true });
  offer?.scrollIntoView();
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Those that it was made with, each with the bounds of another one. */
function useSeeds({ job: { deployment, input } }: Shown) {
  return findSeeds(useFields(deployment.id), input).flatMap((seed) => {
    const value = isObject(input) ? input[seed.name] : undefined;
    return typeof value === "number" ? [{ ...seed, value }] : [];
  });
}
