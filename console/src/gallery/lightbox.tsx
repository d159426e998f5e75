import { type KeyboardEvent, useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";

import { sizeOf, urlOf } from "../parts/picture";
import { SaveLink } from "../parts/save-link";
import { promptOf } from "../parts/prompt";
import { Ago } from "../parts/time";
import { Media } from "./media";
import { describe, type Shown } from "./pictures";

/** What is open: `undefined` until it has come, null where there is no such picture. */
type Opened = {
  readonly picture: Shown | null | undefined;
  readonly problem: string | null;
  readonly before: Shown | null;
  readonly after: Shown | null;
};

/** One picture, large, with the way to those beside it and to what made it. */
export function Lightbox({
  opened: { picture, problem, before, after },
  onGo,
  onClose,
  onBroken,
}: {
  readonly opened: Opened;
  readonly onGo: (picture: Shown) => void;
  readonly onClose: () => void;
  readonly onBroken: (jobId: string) => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [, navigate] = useLocation();
  useEffect(() => {
    dialog.current?.showModal();
    // Not the first button, which would take the key Enter.
    dialog.current?.focus();
  }, []);
  usePreload(before);
  usePreload(after);

  const press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const target = event.target instanceof Element ? event.target : null;
    // A video has keys of its own, and so has whatever can be pressed.
    if (target?.matches("video")) return;
    if (event.key === "ArrowLeft" && before) onGo(before);
    else if (event.key === "ArrowRight" && after) onGo(after);
    else if (picture && (event.key === "i" || (event.key === "Enter" && target === dialog.current)))
      navigate(`/jobs/${picture.job.id}`);
    else return;
    event.preventDefault();
  };

  return (
    <dialog
      ref={dialog}
      className="gallery-lightbox"
      aria-label={picture ? describe(picture) : "Picture"}
      tabIndex={-1}
      onKeyDown={press}
      onClose={onClose}
      onClick={({ target }) => target === dialog.current && dialog.current.close()}
    >
      <div className="gallery-stage">
        {picture && <Media key={picture.key} picture={picture} onBroken={onBroken} />}
        {picture === undefined && problem === null && <p className="faint">Fetching…</p>}
        {picture === null && (
          <p role="alert">
            There is no such picture, or it was deleted. Close this to see the others.
          </p>
        )}
        {problem !== null && <p role="alert">{problem}</p>}
        <Step name="Newer" sign="‹" to={before} onGo={onGo} />
        <Step name="Older" sign="›" to={after} onGo={onGo} />
      </div>
      <div className="gallery-details">
        {picture && <Details picture={picture} />}
        <button onClick={() => dialog.current?.close()}>Close</button>
      </div>
    </dialog>
  );
}

function Step({
  name,
  sign,
  to,
  onGo,
}: {
  readonly name: string;
  readonly sign: string;
  readonly to: Shown | null;
  readonly onGo: (picture: Shown) => void;
}) {
  return (
    <button
      className={`gallery-step gallery-step-${name.toLowerCase()}`}
      aria-label={`${name} picture`}
      // One that is disabled would lose the focus at the end.
      aria-disabled={to === null}
      onClick={() => to && onGo(to)}
    >
      <span aria-hidden="true">{sign}</span>
    </button>
  );
}

function Details({ picture }: { readonly picture: Shown }) {
  const { job, asset, n } = picture;
  const size = sizeOf(job.input, asset);
  return (
    <>
      <div className="gallery-words">
        <p className="gallery-prompt" aria-live="polite" dir="auto">
          {promptOf(job) || <span className="faint">It was made without a prompt.</span>}
        </p>
        <p className="row faint">
          <span>{job.deployment.name}</span>
          {size && (
            <span>
              {size.width} × {size.height}
              {!asset.width && " asked for"}
            </span>
          )}
          {job.assets.length > 1 && (
            <span>
              {n + 1} of {job.assets.length}
            </span>
          )}
          <Ago at={job.finishedAt ?? job.createdAt} />
        </p>
      </div>
      <SaveLink {...{ job, asset, n }} />
      <Link className="button primary" href={`/jobs/${job.id}`} aria-keyshortcuts="i">
        What made it
      </Link>
    </>
  );
}

/** Fetches a picture before it is asked for, so that the next key shows it at once. */
function usePreload(picture: Shown | null): void {
  const address = picture?.asset.kind === "IMAGE" ? urlOf(picture.asset) : undefined;
  useEffect(() => {
    if (address !== undefined) new Image().src = address;
  }, [address]);
}
