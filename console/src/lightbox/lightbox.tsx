import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useLocation, useSearchParams } from "wouter";

import type { JobFilter } from "../gql";
import { urlOf } from "../parts/picture";
import { OPENED_HERE, type Place, toKey, withOpened } from "./address";
import { Comparison } from "./comparison";
import { Details } from "./details";
import { describe, type Shown, toTileId } from "./pictures";
import { Stages } from "./stages";
import { useOpened } from "./use-opened";
import { FIT, gestureOf, type View, zoom } from "./zoom";
import "./lightbox.css";

/** One picture, large, or two beside each other, with what made them and the way to those before and after. */
export function Lightbox({
  open,
  compared,
  pictures,
  filter,
  isListed,
  onBroken,
  onDeleted,
}: {
  readonly open: Place;
  readonly compared: Place | null;
  readonly pictures: readonly Shown[];
  readonly filter: JobFilter;
  readonly isListed: boolean;
  readonly onBroken: ((jobId: string) => void) | undefined;
  readonly onDeleted: ((jobId: string) => void) | undefined;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [, navigate] = useLocation();
  const [search, setSearch] = useSearchParams();
  const { one, other, before, after, near } = useOpened(pictures, open, compared, filter, isListed);
  const { picture } = one;
  const key = toKey(open);
  const [seen, setSeen] = useState({ key, view: FIT });
  const onView = (change: (view: View) => View): void =>
    setSeen((last) => ({ key, view: change(last.key === key ? last.view : FIT) }));

  useEffect(() => {
    dialog.current?.showModal();
    // Not the first button, which would take the key Enter.
    dialog.current?.focus();
  }, []);
  useEffect(() => {
    // What had it may have gone with the last picture, and the keys are heard here.
    if (document.activeElement === document.body) dialog.current?.focus();
  });
  useReturn(open);
  usePreload(before);
  usePreload(after);

  const go = (to: Place, beside: Place | null = null): void =>
    setSearch(withOpened(search, to, beside), { replace: true, state: history.state });
  const press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof Element ? event.target : null;
    // A video has keys of its own, and so has a field.
    if (target?.matches("video, audio, input, select, textarea")) return;
    const gesture = gestureOf(event);
    if (gesture) onView((view) => zoom(view, gesture));
    else if (event.key === "ArrowLeft" && before && !other) go(before);
    else if (event.key === "ArrowRight" && after && !other) go(after);
    else if (picture && (event.key === "i" || (event.key === "Enter" && target === dialog.current)))
      navigate(`/jobs/${picture.jobId}`);
    else return;
    event.preventDefault();
  };

  return (
    <dialog
      ref={dialog}
      className="lightbox"
      aria-label={picture ? describe(picture) : "Picture"}
      tabIndex={-1}
      onKeyDown={press}
      onClose={({ target }) => {
        // Questions within it close as well.
        if (target !== dialog.current) return;
        if (history.state === OPENED_HERE) history.back();
        else setSearch(withOpened(search, null), { replace: true });
      }}
    >
      <Stages
        {...{ one, other, before, after, onView }}
        view={seen.key === key ? seen.view : FIT}
        onGo={go}
        onBroken={onBroken ?? (() => void one.ask())}
      />
      <aside className="lightbox-side" aria-label="About it">
        {picture && other && (
          <Comparison one={picture} other={other.picture ?? null} onKeep={(kept) => go(kept)} />
        )}
        {picture && !other && (
          <Details
            key={picture.key}
            picture={picture}
            near={near}
            onCompare={(beside) => go(open, beside)}
            onDeleted={() => {
              const next = [after, before].find((beside) => beside && beside.jobId !== open.jobId);
              if (next) go(next);
              else dialog.current?.close();
              onDeleted?.(open.jobId);
            }}
          />
        )}
      </aside>
      <button className="lightbox-close" aria-label="Close" onClick={() => dialog.current?.close()}>
        <span aria-hidden="true">✕</span>
      </button>
    </dialog>
  );
}

/** Gives the focus to the picture that was seen last, or to the first of its job, even if one went on from another. */
function useReturn({ jobId, n }: Place): void {
  useEffect(
    () => () => {
      requestAnimationFrame(() => {
        const links = [toTileId({ jobId, n }), toTileId({ jobId, n: 0 })];
        links
          .map((id) => document.getElementById(id))
          .find(Boolean)
          ?.focus();
      });
    },
    [jobId, n],
  );
}

/** Fetches a picture before it is asked for, so that the next key shows it at once. */
function usePreload(picture: Shown | null): void {
  const address = picture?.asset.kind === "IMAGE" ? urlOf(picture.asset) : undefined;
  useEffect(() => {
    if (address !== undefined) new Image().src = address;
  }, [address]);
}
