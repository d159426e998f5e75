import { expect, test } from "vitest";

import { FIT, gestureOf, toggle, type View, zoom } from "../../console/src/lightbox/zoom";

/** Where a point of the picture is in the stage. */
const place = ({ scale, x, y }: View, at: { x: number; y: number }) => ({
  x: at.x * scale + x,
  y: at.y * scale + y,
});
const press = (view: View, key: string, shiftKey = false): View => {
  const gesture = gestureOf({ key, shiftKey });
  return gesture ? zoom(view, gesture) : view;
};

test("what is under the pointer stays there while the picture grows, and comes along with it", () => {
  const at = { x: 0.25, y: -0.125 };
  const near = zoom(FIT, { from: at, factor: 4 });
  expect(place(near, at)).toEqual(at);
  const moved = zoom(near, { from: at, to: { x: 0.375, y: 0 } });
  expect(place(moved, at)).toEqual({ x: 0.375, y: 0 });
  // Two fingers move and spread at once.
  const spread = zoom(near, { from: at, to: { x: 0, y: 0 }, factor: 2 });
  expect(place(spread, at)).toEqual({ x: 0, y: 0 });
});

test("a picture is never smaller than it fits, too large, or beside its stage", () => {
  expect(zoom({ scale: 2, x: 0.5, y: 0.5 }, { from: { x: 0, y: 0 }, factor: 0.1 })).toEqual(FIT);
  expect(zoom(FIT, { from: { x: 0, y: 0 }, factor: 1_000 }).scale).toBe(12);
  expect(zoom({ scale: 3, x: 0, y: 0 }, { from: { x: 0, y: 0 }, to: { x: 9, y: -9 } })).toEqual({
    scale: 3,
    x: 1,
    y: -1,
  });
  expect(zoom(FIT, { from: { x: 0, y: 0 }, to: { x: 0.3, y: 0 } })).toEqual(FIT);
});

test("keys and a double click zoom in, out and back to all of it", () => {
  expect(press(FIT, "+").scale).toBe(1.5);
  expect(press(press(FIT, "+"), "-")).toEqual(FIT);
  expect(press(press(press(FIT, "="), "+"), "0")).toEqual(FIT);
  expect(press(press(FIT, "+"), "ArrowLeft", true).x).toBeCloseTo(0.1);
  expect(press(FIT, "+", true).scale).toBe(1.5);
  expect(gestureOf({ key: "ArrowLeft", shiftKey: false })).toBeNull();
  expect(gestureOf({ key: "constructor", shiftKey: false })).toBeNull();
  const near = toggle(FIT, { x: 0.25, y: 0 });
  expect(near).toEqual({ scale: 2.5, x: -0.375, y: 0 });
  expect(toggle(near, { x: 0, y: 0 })).toEqual(FIT);
});
