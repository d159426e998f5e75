import { Media } from "./media";
import { isZoomable, type Shown } from "./pictures";
import { Stage } from "./stage";
import type { Opened } from "./use-opened";
import { gestureOf, type View, zoom } from "./zoom";

type StagesProps = {
  readonly one: Opened;
  /** With which it is compared. */
  readonly other: Opened | null;
  readonly before: Shown | null;
  readonly after: Shown | null;
  /** How all of them are seen. */
  readonly view: View;
  readonly onView: (change: (view: View) => View) => void;
  readonly onGo: (picture: Shown) => void;
  readonly onBroken: (jobId: string) => void;
};

/** A picture, or two that are zoomed and moved together, and the buttons for that. */
export function Stages({ one, other, before, after, onGo, ...seen }: StagesProps) {
  const isZoomed = [one, other].some((shown) => shown?.picture && isZoomable(shown.picture));
  return (
    <div className={other ? "lightbox-stages lightbox-two" : "lightbox-stages"}>
      <Filled
        opened={one}
        {...seen}
        onSwipe={(step) => {
          const next = step > 0 ? after : before;
          if (next && other === null) onGo(next);
        }}
      />
      {other !== null && <Filled opened={other} {...seen} />}
      {other === null && (
        <>
          <Step name="Newer" sign="‹" to={before} onGo={onGo} />
          <Step name="Older" sign="›" to={after} onGo={onGo} />
        </>
      )}
      {isZoomed && <ZoomBar {...seen} />}
    </div>
  );
}

function Filled({
  opened: { picture, problem },
  view,
  onView,
  onSwipe,
  onBroken,
}: Pick<StagesProps, "view" | "onView" | "onBroken"> & {
  readonly opened: Opened;
  readonly onSwipe?: (step: 1 | -1) => void;
}) {
  const media = picture && <Media key={picture.key} picture={picture} onBroken={onBroken} />;
  if (picture && !isZoomable(picture)) return <div className="lightbox-stage">{media}</div>;
  return (
    <Stage {...{ view, onView, onSwipe }}>
      {media}
      {picture === undefined && problem === null && <p className="faint">Fetching…</p>}
      {picture === null && (
        <p role="alert">
          There is no such picture, or it was deleted. Close this to see the others.
        </p>
      )}
      {problem !== null && <p role="alert">{problem}</p>}
    </Stage>
  );
}

function ZoomBar({ view, onView }: Pick<StagesProps, "view" | "onView">) {
  const zoomBy = (key: string) => () => {
    const gesture = gestureOf({ key, shiftKey: false });
    if (gesture) onView((last) => zoom(last, gesture));
  };
  return (
    <div className="lightbox-zoom" role="group" aria-label="Zoom">
      <button aria-label="Zoom out" aria-keyshortcuts="-" onClick={zoomBy("-")}>
        −
      </button>
      <button aria-keyshortcuts="0" title="Show all of it" onClick={zoomBy("0")}>
        {Math.round(view.scale * 100)} %
      </button>
      <button aria-label="Zoom in" aria-keyshortcuts="+" onClick={zoomBy("+")}>
        +
      </button>
    </div>
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
      className={`lightbox-step lightbox-step-${name.toLowerCase()}`}
      aria-label={`${name} picture`}
      // One that is disabled would lose the focus at the end.
      aria-disabled={to === null}
      onClick={() => to && onGo(to)}
    >
      <span aria-hidden="true">{sign}</span>
    </button>
  );
}
