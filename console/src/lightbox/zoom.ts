/** How a picture is seen: so many times as large as it fits, and moved by so many widths and heights of its stage. */
export type View = { readonly scale: number; readonly x: number; readonly y: number };

/** In widths and heights of the stage, from its middle. */
export type Point = { readonly x: number; readonly y: number };
/** Of a picture in its own pixels, of a stage in those of style sheets. */
type Size = { readonly width: number; readonly height: number };
type Box = Size & { readonly left: number; readonly top: number };

/** What is under `from` comes under `to`, as large as `scale` makes it of the scale before, and of that at 100 %. */
export type Gesture = {
  readonly from?: Point;
  readonly to?: Point;
  readonly scale?: (scale: number, actual: number) => number;
};

/** The whole picture. */
export const WHOLE: View = { scale: 1, x: 0, y: 0 };
const MIDDLE: Point = WHOLE;
/** 1,600 % */
const MAX = 16;

/**
 * What is seen after a gesture: never smaller than it fits, or than at 100 %, and never beside the picture. At the scale
 * `actual` a pixel of the picture is one of the screen.
 */
export function zoom(view: View, gesture: Gesture, actual = 1): View {
  const { from = MIDDLE, to = from, scale: grow = (scale) => scale } = gesture;
  const scale = clamp(grow(view.scale, actual), Math.min(1, actual), Math.max(1, MAX * actual));
  const grown = scale / view.scale;
  const most = Math.max(0, (scale - 1) / 2);
  return {
    scale,
    x: clamp(to.x - (from.x - view.x) * grown, 0 - most, most),
    y: clamp(to.y - (from.y - view.y) * grown, 0 - most, most),
  };
}

export const FIT: Gesture = { scale: () => 1 };
export const ACTUAL: Gesture = { scale: (_, actual) => actual };
/** Up to 100 % by half, and from there on twice as large, so that every pixel is as large as the others. */
export const ZOOM_IN: Gesture = {
  scale: (scale, actual) =>
    scale < actual * ALMOST
      ? Math.min(scale * 1.5, actual)
      : actual * 2 ** (Math.floor(Math.log2(scale / actual / ALMOST)) + 1),
};
export const ZOOM_OUT: Gesture = {
  scale: (scale, actual) =>
    scale * ALMOST > actual
      ? actual * 2 ** (Math.ceil(Math.log2((scale / actual) * ALMOST)) - 1)
      : scale / 1.5,
};
const ALMOST = 0.999;

/** Whether its pixels are larger than those of the screen, or as large. */
export function isCoarse({ scale }: View, actual: number): boolean {
  return scale > actual * ALMOST;
}

/** From all of it to 100 %, or twice that, and back. */
export function toggle({ scale }: View, from: Point): Gesture {
  if (scale !== 1) return FIT;
  return { from, scale: (_, actual) => (actual > 1 / ALMOST ? actual : actual * 2) };
}

const KEYS = new Map<string, Gesture>([
  ["+", ZOOM_IN],
  ["=", ZOOM_IN],
  ["-", ZOOM_OUT],
  ["0", FIT],
  ["1", ACTUAL],
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

/** How many pixels of the picture are one of the style sheet where all of it is seen; a small picture is not enlarged, unless it is `grown`. */
export function fit(stage: Size, picture: Size, isGrown: boolean): number {
  const fitting = Math.min(stage.width / picture.width, stage.height / picture.height);
  return isGrown ? fitting : Math.min(fitting, 1);
}

/**
 * Where a picture is drawn in its stage, which `fits` so, in pixels of the screen: whole ones, so that those of the picture
 * lie on them. A style sheet's pixel has `ratio` of them.
 */
export function place(view: View, stage: Box, picture: Size, fits: number, ratio: number): Box {
  const width = Math.round(picture.width * fits * view.scale * ratio);
  const height = Math.round(picture.height * fits * view.scale * ratio);
  const toEdge = (start: number, length: number, moved: number, side: number): number =>
    Math.round((start + (0.5 + moved) * length) * ratio - side / 2) - start * ratio;
  return {
    width,
    height,
    left: toEdge(stage.left, stage.width, view.x, width),
    top: toEdge(stage.top, stage.height, view.y, height),
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
