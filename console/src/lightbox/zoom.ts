/** How a picture is seen: so many times as large as it fits, and moved by so many widths and heights of its stage. */
export type View = { readonly scale: number; readonly x: number; readonly y: number };

/** In widths and heights of the stage, from its middle. */
export type Point = { readonly x: number; readonly y: number };

/** What is under `from` comes under `to`, so many times as large. */
export type Gesture = { readonly from: Point; readonly to?: Point; readonly factor?: number };

/** The whole picture. */
export const FIT: View = { scale: 1, x: 0, y: 0 };
const MIDDLE: Point = { x: 0, y: 0 };
const STEP = 1.5;
const MAX_SCALE = 12;

/** What is seen after a gesture: never smaller than it fits, and never beside the picture. */
export function zoom(view: View, { from, to = from, factor = 1 }: Gesture): View {
  const scale = clamp(view.scale * factor, 1, MAX_SCALE);
  const grown = scale / view.scale;
  const most = (scale - 1) / 2;
  return {
    scale,
    x: clamp(to.x - (from.x - view.x) * grown, -most, most),
    y: clamp(to.y - (from.y - view.y) * grown, -most, most),
  };
}

/** From all of it to a part, and back. */
export function toggle(view: View, at: Point): View {
  return view.scale > 1 ? FIT : zoom(view, { from: at, factor: 2.5 });
}

/** What each key does. */
const ZOOM_KEYS: Keys = {
  "+": { from: MIDDLE, factor: STEP },
  "=": { from: MIDDLE, factor: STEP },
  "-": { from: MIDDLE, factor: 1 / STEP },
  "0": { from: MIDDLE, factor: 0 },
};

/** With Shift; alone they lead to other pictures. */
const PAN_KEYS: Keys = {
  ArrowLeft: { from: MIDDLE, to: { x: 0.1, y: 0 } },
  ArrowRight: { from: MIDDLE, to: { x: -0.1, y: 0 } },
  ArrowUp: { from: MIDDLE, to: { x: 0, y: 0.1 } },
  ArrowDown: { from: MIDDLE, to: { x: 0, y: -0.1 } },
};

/** What a key does to the view; null for nothing. */
export function gestureOf({ key, shiftKey }: KeyPress): Gesture | null {
  const isPan = shiftKey && Object.hasOwn(PAN_KEYS, key);
  return (isPan ? PAN_KEYS[key] : Object.hasOwn(ZOOM_KEYS, key) && ZOOM_KEYS[key]) || null;
}

type Keys = Readonly<Record<string, Gesture>>;
type KeyPress = { readonly key: string; readonly shiftKey: boolean };

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
