/** How a picture is seen: so many times as large as it fits, and moved by so many widths and heights of its stage. */
export type View = { readonly scale: number; readonly x: number; readonly y: number };

/** In widths and heights of the stage, from its middle. */
export type Point = { readonly x: number; readonly y: number };

/** What is under `from` comes under `to`, so many times as large. */
export type Gesture = { readonly from?: Point; readonly to?: Point; readonly factor?: number };

/** The whole picture. */
export const WHOLE: View = { scale: 1, x: 0, y: 0 };
const MIDDLE: Point = WHOLE;
const MAX_SCALE = 12;

/** What is seen after a gesture: never smaller than it fits, and never beside the picture. */
export function zoom(view: View, { from = MIDDLE, to = from, factor = 1 }: Gesture): View {
  const scale = clamp(view.scale * factor, 1, MAX_SCALE);
  const grown = scale / view.scale;
  const most = (scale - 1) / 2;
  return {
    scale,
    x: clamp(to.x - (from.x - view.x) * grown, 0 - most, most),
    y: clamp(to.y - (from.y - view.y) * grown, 0 - most, most),
  };
}

export const ZOOM_IN: Gesture = { factor: 1.5 };
export const ZOOM_OUT: Gesture = { factor: 1 / 1.5 };
export const FIT: Gesture = { factor: 0 };

/** From all of it to a part, and back. */
export function toggle({ scale }: View, from: Point): Gesture {
  return scale > 1 ? FIT : { from, factor: 2.5 };
}

const KEYS = new Map<string, Gesture>([
  ["+", ZOOM_IN],
  ["=", ZOOM_IN],
  ["-", ZOOM_OUT],
  ["0", FIT],
  // Without Shift they lead to other pictures.
  ["Shift ArrowLeft", { to: { x: 0.1, y: 0 } }],
  ["Shift ArrowRight", { to: { x: -0.1, y: 0 } }],
  ["Shift ArrowUp", { to: { x: 0, y: 0.1 } }],
  ["Shift ArrowDown", { to: { x: 0, y: -0.1 } }],
]);

/** What a key does to the view, if anything. */
export function gestureOf(press: { readonly key: string; readonly shiftKey: boolean }) {
  const isPan = press.shiftKey && press.key.startsWith("Arrow");
  return KEYS.get(isPan ? `Shift ${press.key}` : press.key);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
