import {
  type CSSProperties,
  type DragEvent,
  type MouseEvent,
  type PointerEvent,
  type ReactNode,
  useEffect,
  useEffectEvent,
  useRef,
  useState,
  type WheelEvent,
} from "react";

import { isZoomable, type Shown } from "../model/pictures";
import { fit, type Gesture, isCoarse, place, type Point, toggle, type View, WHOLE } from "./zoom";

/** A wheel's notch is 100 pixels, and a trackpad's pinch some ten, with Ctrl. */
const WHEEL = 0.0025;
const PINCH = 0.012;
/** A finger that went so far across the stage, and less up or down, turns the page. */
const SWIPE = 0.15;

export type Seen = {
  readonly view: View;
  readonly onZoom: (gesture: Gesture) => void;
  readonly before: Shown | undefined;
  readonly after: Shown | undefined;
  readonly onGo: (picture: Shown | undefined) => void;
};

/** Of a file, in pixels. */
type Natural = { readonly key: string; readonly width: number; readonly height: number };
const NOWHERE = { left: 0, top: 0, width: 0, height: 0 };

/** A picture or a video as large as its stage. Wheel, fingers and mouse zoom and move a picture, and a finger goes on to the next. */
export function Stage({
  picture,
  view,
  onZoom,
  onActual,
  before,
  after,
  onGo,
  over,
  children,
}: Seen & {
  readonly picture: Shown | undefined;
  /** Called with the scale at which it is seen at 100 %; null until that is known. */
  readonly onActual: (actual: number | null) => void;
  /** What lies over the picture, which has this place. */
  readonly over: (style: CSSProperties | undefined) => ReactNode;
  readonly children: ReactNode;
}) {
  const stage = useRef<HTMLDivElement>(null);
  const [box, setBox] = useState(NOWHERE);
  const [natural, setNatural] = useState<Natural | null>(null);
  useEffect(() => {
    const { current } = stage;
    if (current === null) return undefined;
    const observer = new ResizeObserver(() => setBox(current.getBoundingClientRect()));
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  const isStill = picture === undefined || isZoomable(picture);
  const file = natural && natural.key === picture?.key && box.width > 0 ? natural : null;
  const fits = file && fit(box, file, !isStill);
  const actual = fits && 1 / (fits * devicePixelRatio);
  const report = useEffectEvent(onActual);
  useEffect(() => report(actual), [actual]);
  const seen = isStill ? view : WHOLE;
  const style =
    file && fits && actual
      ? {
          ...toStyle(place(seen, box, file, fits, devicePixelRatio)),
          imageRendering: isCoarse(seen, actual) ? ("pixelated" as const) : undefined,
        }
      : undefined;
  const measure = (width: number, height: number): void => {
    if (picture && width > 0 && height > 0) setNatural({ key: picture.key, width, height });
  };

  /** Where each finger or the mouse is. */
  const pointers = useRef(new Map<number, Point>());
  const start = useRef<Point | null>(null);

  const turn = (event: WheelEvent): void => {
    event.preventDefault();
    const factor = Math.exp(-event.deltaY * (event.ctrlKey ? PINCH : WHEEL));
    onZoom({ from: toPoint(event), scale: (scale) => scale * factor });
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
    const factor = to.length / from.length;
    onZoom({ from: from.middle, to: to.middle, scale: (scale) => scale * factor });
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

  const gestures = isStill && {
    onWheel: turn,
    onPointerDown: press,
    onPointerMove: move,
    onPointerUp: release,
    onPointerCancel: (event: PointerEvent) => pointers.current.delete(event.pointerId),
    onDoubleClick: (event: MouseEvent) => onZoom(toggle(view, toPoint(event))),
    onDragStart: (event: DragEvent) => event.preventDefault(),
  };
  return (
    <div
      ref={stage}
      className={view.scale > 1 ? "frame lightbox-stage lightbox-near" : "frame lightbox-stage"}
      onLoadCapture={({ target }) => {
        if (target instanceof HTMLImageElement && target.closest(".media") !== null)
          measure(target.naturalWidth, target.naturalHeight);
      }}
      onLoadedMetadataCapture={({ target }) => {
        if (target instanceof HTMLVideoElement) measure(target.videoWidth, target.videoHeight);
      }}
      {...gestures}
    >
      <div className={style ? "frame lightbox-placed" : "frame lightbox-whole"} style={style}>
        {children}
      </div>
      {over(style)}
    </div>
  );
}

/** Laid out in pixels of the screen, so that a browser that rounds to those of style sheets rounds nothing. */
function toStyle({ left, top, width, height }: ReturnType<typeof place>): CSSProperties {
  const size = 1 / devicePixelRatio;
  const transform = `translate(${left * size}px, ${top * size}px) scale(${size})`;
  return { width, height, transform };
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
