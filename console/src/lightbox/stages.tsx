import { type PointerEvent, type ReactNode, useRef, type WheelEvent } from "react";

import { isZoomable, type Shown } from "../model/pictures";
import { Media } from "./media";
import type { Opened } from "./use-opened";
import { FIT, type Gesture, type Point, toggle, type View, WHOLE, ZOOM_IN, ZOOM_OUT } from "./zoom";

/** A wheel's notch is 100 pixels, and a trackpad's pinch some ten, with Ctrl. */
const WHEEL = 0.0025;
const PINCH = 0.012;
/** A finger that went so far across the stage, and less up or down, turns the page. */
const SWIPE = 0.15;

type Seen = {
  readonly view: View;
  readonly onZoom: (gesture: Gesture) => void;
  readonly before: Shown | undefined;
  readonly after: Shown | undefined;
  readonly onGo: (picture: Shown | undefined) => void;
};

/** A picture, or two that are zoomed and moved together, with the buttons for that and to go on. */
export function Stages({ opened, ...seen }: Seen & { readonly opened: readonly Opened[] }) {
  const { view, onZoom, before, after, onGo } = seen;
  const isPair = opened.length > 1;
  const step = (name: string, sign: string, to: Shown | undefined) => (
    <button
      key={name}
      className={`lightbox-round lightbox-${name.toLowerCase()}`}
      aria-label={`${name} picture`}
      // One that is disabled would lose the focus at the end.
      aria-disabled={!to}
      onClick={() => onGo(to)}
    >
      {sign}
    </button>
  );
  return (
    <div className={isPair ? "lightbox-stages lightbox-pair" : "lightbox-stages"}>
      {opened.map(({ picture, problem }, index) =>
        picture && !isZoomable(picture) ? (
          <div key={index} className="frame lightbox-stage">
            <Media key={picture.key} picture={picture} />
          </div>
        ) : (
          <Stage key={index} {...seen}>
            {picture ? (
              <Media key={picture.key} picture={picture} />
            ) : (
              <p role={problem && "alert"}>{problem ?? "Fetching…"}</p>
            )}
          </Stage>
        ),
      )}
      {!isPair && [step("Newer", "‹", before), step("Older", "›", after)]}
      {opened.some(({ picture }) => picture && isZoomable(picture)) && (
        <div className="floating lightbox-zoom" role="group" aria-label="Zoom">
          <button
            className="plain"
            aria-label="Zoom out"
            aria-keyshortcuts="-"
            onClick={() => onZoom(ZOOM_OUT)}
          >
            −
          </button>
          <button
            className="plain"
            aria-keyshortcuts="0"
            title="Show all of it"
            onClick={() => onZoom(FIT)}
          >
            {view.scale === 1 ? "Fit" : `${view.scale.toFixed(1)} ×`}
          </button>
          <button
            className="plain"
            aria-label="Zoom in"
            aria-keyshortcuts="+"
            onClick={() => onZoom(ZOOM_IN)}
          >
            +
          </button>
        </div>
      )}
    </div>
  );
}

/** Wheel, fingers and mouse zoom and move what is in it, and a finger goes on to the next. */
function Stage({
  view,
  onZoom,
  before,
  after,
  onGo,
  children,
}: Seen & { readonly children: ReactNode }) {
  /** Where each finger or the mouse is. */
  const pointers = useRef(new Map<number, Point>());
  const start = useRef<Point | null>(null);

  const turn = (event: WheelEvent): void => {
    event.preventDefault();
    const factor = Math.exp(-event.deltaY * (event.ctrlKey ? PINCH : WHEEL));
    onZoom({ from: toPoint(event), factor });
  };
  const press = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    pointers.current.set(event.pointerId, toPoint(event));
    start.current = pointers.current.size === 1 ? toPoint(event) : null;
  };
  const move = (event: PointerEvent): void => {
    const held = pointers.current;
    if (!held.has(event.pointerId)) return;
    const from = spanOf(held.values());
    held.set(event.pointerId, toPoint(event));
    const to = spanOf(held.values());
    onZoom({ from: from.middle, to: to.middle, factor: to.length / from.length });
  };
  const release = (event: PointerEvent): void => {
    pointers.current.delete(event.pointerId);
    const { current: from } = start;
    start.current = null;
    if (from === null || view.scale > 1 || event.pointerType === "mouse") return;
    const to = toPoint(event);
    const across = to.x - from.x;
    if (Math.abs(across) > SWIPE && Math.abs(to.y - from.y) < SWIPE)
      onGo(across < 0 ? after : before);
  };

  return (
    <div
      className={view.scale > 1 ? "frame lightbox-stage lightbox-near" : "frame lightbox-stage"}
      onWheel={turn}
      onPointerDown={press}
      onPointerMove={move}
      onPointerUp={release}
      onPointerCancel={(event) => pointers.current.delete(event.pointerId)}
      onDoubleClick={(event) => onZoom(toggle(view, toPoint(event)))}
      onDragStart={(event) => event.preventDefault()}
    >
      <div
        className="frame lightbox-zoomed"
        style={{ transform: `translate(${view.x * 100}%, ${view.y * 100}%) scale(${view.scale})` }}
      >
        {children}
      </div>
    </div>
  );
}

type OnStage = Pick<MouseEvent, "clientX" | "clientY"> & { readonly currentTarget: unknown };

function toPoint({ currentTarget, clientX, clientY }: OnStage): Point {
  const { left, top, width, height } =
    currentTarget instanceof Element ? currentTarget.getBoundingClientRect() : new DOMRect();
  return { x: (clientX - left) / width - 0.5, y: (clientY - top) / height - 0.5 };
}

/** Of one finger, or between two, which are so far apart; a single one always as far. */
function spanOf([one, two]: Iterable<Point>): { readonly middle: Point; readonly length: number } {
  if (one === undefined || two === undefined) return { middle: one ?? WHOLE, length: 1 };
  const middle = { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 };
  return { middle, length: Math.hypot(one.x - two.x, one.y - two.y) };
}
