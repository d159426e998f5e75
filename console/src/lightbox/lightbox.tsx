import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useLocation, useSearchParams } from "wouter";

import type { JobFilter } from "../gql";
import { urlOf } from "../model/asset";
import type { Media } from "../model/filters";
import { describe, OPENED_HERE, type Shown, toJobId, toKey, withOpened } from "../model/pictures";
import { Comparison } from "./comparison";
import { Details } from "./details";
import { Stages } from "./stages";
import { useOpened } from "./use-opened";
import { FIT, type Gesture, gestureOf, WHOLE, zoom } from "./zoom";
import "./lightbox.css";

/** One picture, large, or two beside each other, with what made them and the way to those before and after. */
export function Lightbox({
  open,
  compared,
  pictures,
  filter,
  media,
  onDeleted,
}: {
  /** The keys of what is open. */
  readonly open: string;
  readonly compared: string | null;
  readonly pictures: readonly Shown[];
  readonly filter: JobFilter;
  readonly media: Media;
  readonly onDeleted: ((jobId: string) => void) | undefined;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [, navigate] = useLocation();
  const [search, setSearch] = useSearchParams();
  const { opened, before, after, near } = useOpened(pictures, open, compared, { filter, media });
  const [view, setView] = useState(WHOLE);
  /** Of each the scale at which it is seen at 100 %; null until that is known. */
  const [actuals, setActuals] = useState<readonly (number | null)[]>([]);
  const { picture } = opened[0];

  useEffect(() => {
    for (const one of findMedia(document)) one.pause();
    dialog.current?.showModal();
    // Not the first button, which would take the key Enter.
    dialog.current?.focus();
  }, []);
  useEffect(() => {
    // What had the focus may have gone with the last picture, and the keys are handled here.
    if (document.activeElement === document.body) dialog.current?.focus();
  });
  useEffect(() => {
    // So that the next key shows it at once.
    for (const beside of [before, after])
      if (beside && beside.asset.kind === "IMAGE") new Image().src = urlOf(beside.asset);
  }, [before, after]);
  useEffect(
    () => () => {
      // To the picture that was seen last, or to the first of its job, even if one went on from another.
      requestAnimationFrame(() => {
        const first = toKey(toJobId(open), 0);
        (document.getElementById(open) ?? document.getElementById(first))?.focus();
      });
    },
    [open],
  );

  /** Of two, both grow as much. */
  const onZoom = (gesture: Gesture): void =>
    setView((last) => zoom(last, gesture, actuals[0] ?? 1));
  const go = (key: string, beside = ""): void => {
    onZoom(FIT);
    setSearch(withOpened(search, key, beside), { replace: true, state: history.state });
  };
  const onGo = (to: Shown | undefined): void => {
    if (to) go(to.key);
  };
  /** From one whose job was deleted. */
  const leave = ({ job }: Shown): void => {
    const others = [after, before, ...opened.map((one) => one.picture)];
    const next = others.find((one) => one && one.job.id !== job.id);
    if (next) go(next.key);
    else dialog.current?.close();
    onDeleted?.(job.id);
  };
  const press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof Element ? event.target : null;
    // A video has keys of its own, and so have a field and a question.
    const isOwn = target?.matches("video, audio, input, select, textarea");
    if (isOwn || target?.closest("dialog") !== dialog.current) return;
    const gesture = gestureOf(event);
    const media = findMedia(dialog.current);
    if (gesture) onZoom(gesture);
    else if (event.key === "ArrowLeft") onGo(before);
    else if (event.key === "ArrowRight") onGo(after);
    else if (event.key === " " && target === dialog.current && media.length > 0) playOrPause(media);
    else if (picture && (event.key === "i" || (event.key === "Enter" && target === dialog.current)))
      navigate(`/jobs/${picture.job.id}`);
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
      onClose={() => {
        if (history.state === OPENED_HERE) history.back();
        else setSearch(withOpened(search, ""), { replace: true });
      }}
    >
      <Stages
        {...{ opened, before, after, onGo, view, onZoom, actuals }}
        onActual={(index, actual) =>
          setActuals((last) =>
            opened.map((_, nth) => (nth === index ? actual : (last[nth] ?? null))),
          )
        }
      />
      <aside className="lightbox-side" aria-label="About it">
        {compared !== null && (
          <Comparison
            {...{ opened, near }}
            onKeep={onGo}
            onCompare={(one, { key }) => go(one.key, key)}
            onDeleted={leave}
          />
        )}
        {compared === null && picture && (
          <Details
            key={picture.key}
            {...{ picture, near }}
            onCompare={({ key }) => go(open, key)}
            onDeleted={() => leave(picture)}
          />
        )}
      </aside>
      <button
        className="lightbox-round lightbox-close"
        aria-label="Close"
        onClick={() => dialog.current?.close()}
      >
        ✕
      </button>
    </dialog>
  );
}

function findMedia(within: ParentNode | null): HTMLMediaElement[] {
  return [...(within?.querySelectorAll<HTMLMediaElement>("video, audio") ?? [])];
}

/** Two that are compared go together. */
function playOrPause(media: readonly HTMLMediaElement[]): void {
  const isPlaying = media.some(({ paused }) => !paused);
  for (const one of media)
    if (isPlaying) one.pause();
    // It may be broken off, which is no loss.
    else one.play().catch(() => undefined);
}
