import { type PointerEvent, type ReactNode, useEffect, useEffectEvent, useRef } from "react";

import { type Gesture, type Point, toggle, type View, zoom } from "./zoom";

/** A wheel's notch is 100 pixels, and a trackpad's pinch some ten, with Ctrl. */
const WHEEL = 0.0025;
const PINCH = 0.012;
/** A finger that went so far across the stage, and less up or down, turns the page. */
const SWIPE = 0.15;

/** Shows a picture as far as it is zoomed; wheel, fingers and mouse change that, and a finger goes on to the next. */
export function Stage({
  view,
  onView,
  onSwipe,
  children,
}: {
  readonly view: View;
  readonly onView: (change: (view: View) => View) => void;
  /** Gets 1 for the next and -1 for the one before. */
  readonly onSwipe?: (step: 1 | -1) => void;
  readonly children: ReactNode;
}) {
  const stage = useRef<HTMLDivElement>(null);
  /** Where each finger or the mouse is. */
  const pointers = useRef(new Map<number, Point>());
  const start = useRef<Point | null>(null);

  const toPoint = ({ clientX, clientY }: { clientX: number; clientY: number }): Point => {
    const { left, top, width, height } = stage.current?.getBoundingClientRect() ?? new DOMRect();
    return { x: (clientX - left) / (width || 1) - 0.5, y: (clientY - top) / (height || 1) - 0.5 };
  };
  const act = (gesture: Gesture): void => onView((before) => zoom(before, gesture));
  const turn = useEffectEvent((event: WheelEvent) => {
    event.preventDefault();
    const factor = Math.exp(-event.deltaY * (event.ctrlKey ? PINCH : WHEEL));
    act({ from: toPoint(event), factor });
  });
  useEffect(() => {
    const element = stage.current;
    const listen = (event: WheelEvent): void => turn(event);
    // React's own is passive, and the page below would scroll.
    element?.addEventListener("wheel", listen, { passive: false });
    return () => element?.removeEventListener("wheel", listen);
  }, []);

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
    const factor = from.length > 0 ? to.length / from.length : 1;
    act({ from: from.middle, to: to.middle, factor });
  };
  const release = (event: PointerEvent): void => {
    pointers.current.delete(event.pointerId);
    const { current: from } = start;
    start.current = null;
    if (from === null || view.scale > 1 || event.pointerType === "mouse") return;
    const to = toPoint(event);
    const [across, along] = [to.x - from.x, Math.abs(to.y - from.y)];
    if (Math.abs(across) > SWIPE && along < SWIPE) onSwipe?.(across < 0 ? 1 : -1);
  };

  return (
    <div
      ref={stage}
      className={view.scale > 1 ? "lightbox-stage lightbox-near" : "lightbox-stage"}
      onPointerDown={press}
      onPointerMove={move}
      onPointerUp={release}
      onPointerCancel={(event) => pointers.current.delete(event.pointerId)}
      onDoubleClick={(event) => onView((before) => toggle(before, toPoint(event)))}
      onDragStart={(event) => event.preventDefault()}
    >
      <div
        className="lightbox-zoomed"
        style={{ transform: `translate(${view.x * 100}%, ${view.y * 100}%) scale(${view.scale})` }}
      >
        {children}
      </div>
    </div>
  );
}

/** Of one finger, or between two. */
function spanOf([one, two]: Iterable<Point>): { readonly middle: Point; readonly length: number } {
  if (one === undefined) return { middle: { x: 0, y: 0 }, length: 0 };
  if (two === undefined) return { middle: one, length: 0 };
  const middle = { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 };
  return { middle, length: Math.hypot(one.x - two.x, one.y - two.y) };
}
