import { expect, test } from "vitest";

import {
  ACTUAL,
  FIT,
  fit,
  gestureOf,
  isCoarse,
  place,
  toggle,
  type View,
  WHOLE,
  zoom,
  ZOOM_IN,
  ZOOM_OUT,
} from "../../../../console/src/lightbox/zoom";

/** Where a point of the picture is in the stage. */
const pointOf = ({ scale, x, y }: View, at: { x: number; y: number }) => ({
  x: at.x * scale + x,
  y: at.y * scale + y,
});
const grow = (factor: number) => ({ scale: (scale: number) => scale * factor });
const press = (view: View, key: string, shiftKey = false, actual = 1): View => {
  const gesture = gestureOf({ key, shiftKey });
  return gesture ? zoom(view, gesture, actual) : view;
};

test("what is under the pointer stays there while the picture grows, and comes along with it", () => {
  const at = { x: 0.25, y: -0.125 };
  const near = zoom(WHOLE, { from: at, ...grow(4) });
  expect(pointOf(near, at)).toEqual(at);
  const moved = zoom(near, { from: at, to: { x: 0.375, y: 0 } });
  expect(pointOf(moved, at)).toEqual({ x: 0.375, y: 0 });
  // Two fingers move and spread at once.
  const spread = zoom(near, { from: at, to: { x: 0, y: 0 }, ...grow(2) });
  expect(pointOf(spread, at)).toEqual({ x: 0, y: 0 });
});

test("a picture is never smaller than it fits or than at 100 %, too large, or beside its stage", () => {
  expect(zoom({ scale: 2, x: 0.5, y: 0.5 }, { from: { x: 0, y: 0 }, ...grow(0.1) })).toEqual(WHOLE);
  expect(zoom(WHOLE, grow(0.1), 0.5).scale).toBe(0.5);
  for (const actual of [0.5, 1, 4])
    expect(zoom(WHOLE, grow(1_000), actual).scale).toBe(16 * actual);
  expect(zoom({ scale: 3, x: 0, y: 0 }, { from: { x: 0, y: 0 }, to: { x: 9, y: -9 } })).toEqual({
    scale: 3,
    x: 1,
    y: -1,
  });
  expect(zoom(WHOLE, { from: { x: 0, y: 0 }, to: { x: 0.3, y: 0 } })).toEqual(WHOLE);
});

test("steps stop at 100 %, and above it every pixel is as large as the others", () => {
  const steps = (gesture: typeof ZOOM_IN, from: number, actual: number) => {
    let view: View = { ...WHOLE, scale: from };
    return Array.from({ length: 5 }, () => (view = zoom(view, gesture, actual)).scale / actual);
  };
  expect(steps(ZOOM_IN, 1, 2)).toEqual([0.75, 1, 2, 4, 8]);
  expect(steps(ZOOM_IN, 1, 0.5)).toEqual([4, 8, 16, 16, 16]);
  expect(steps(ZOOM_OUT, 32, 2)).toEqual([8, 4, 2, 1, 1 / 1.5]);
  expect(steps(ZOOM_OUT, 2.6, 1)).toEqual([2, 1, 1, 1, 1]);
});

test("keys and a double click zoom in, out, to 100 % and back to all of it", () => {
  expect(press(WHOLE, "+").scale).toBe(2);
  expect(press(press(WHOLE, "+"), "-")).toEqual(WHOLE);
  expect(press(press(press(WHOLE, "="), "+"), "0")).toEqual(WHOLE);
  expect(press(WHOLE, "1", false, 2.5).scale).toBe(2.5);
  expect(press(press(WHOLE, "+"), "ArrowLeft", true).x).toBeCloseTo(0.1);
  expect(press(WHOLE, "+", true).scale).toBe(2);
  expect(gestureOf({ key: "ArrowLeft", shiftKey: false })).toBeUndefined();
  expect(gestureOf({ key: "constructor", shiftKey: false })).toBeUndefined();
  const near = zoom(WHOLE, toggle(WHOLE, { x: 0.25, y: 0 }), 2.5);
  expect(near).toEqual({ scale: 2.5, x: -0.375, y: 0 });
  expect(zoom(near, toggle(near, { x: 0, y: 0 }), 2.5)).toEqual(WHOLE);
  expect(zoom(WHOLE, toggle(WHOLE, { x: 0, y: 0 })).scale).toBe(2);
});

test("at 100 % a picture has its own pixels, which lie on those of the screen, wherever its stage is", () => {
  const picture = { width: 2_001, height: 1_333 };
  for (const ratio of [1, 1.25, 2]) {
    const stage = { left: 100.5, top: 0, width: 941, height: 800 };
    const fits = fit(stage, picture, false);
    const actual = 1 / (fits * ratio);
    const view = zoom(WHOLE, { from: { x: 0.1234, y: -0.2 }, ...ACTUAL }, actual);
    const { left, top, width, height } = place(view, stage, picture, fits, ratio);
    expect({ width, height }).toEqual(picture);
    for (const edge of [stage.left * ratio + left, stage.top * ratio + top])
      expect(edge).toBeCloseTo(Math.round(edge), 6);
    expect(isCoarse(view, actual)).toBe(true);
    expect(isCoarse(zoom(view, FIT, actual), actual)).toBe(false);
  }
});

test("a small picture is not enlarged to fit, and a small video is", () => {
  const stage = { left: 0, top: 0, width: 900, height: 800 };
  expect(fit(stage, { width: 300, height: 200 }, false)).toBe(1);
  expect(fit(stage, { width: 300, height: 200 }, true)).toBe(3);
  expect(place(WHOLE, stage, { width: 300, height: 200 }, 3, 1)).toEqual({
    left: 0,
    top: 100,
    width: 900,
    height: 600,
  });
});
