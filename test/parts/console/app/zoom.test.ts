import { expect, test } from "vitest";

import { gestureOf, toggle, type View, WHOLE, zoom } from "../../../../console/src/lightbox/zoom";

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
  const near = zoom(WHOLE, { from: at, factor: 4 });
  expect(place(near, at)).toEqual(at);
  const moved = zoom(near, { from: at, to: { x: 0.375, y: 0 } });
  expect(place(moved, at)).toEqual({ x: 0.375, y: 0 });
  // Two fingers move and spread at once.
  const spread = zoom(near, { from: at, to: { x: 0, y: 0 }, factor: 2 });
  expect(place(spread, at)).toEqual({ x: 0, y: 0 });
});

test("a picture is never smaller than it fits, too large, or beside its stage", () => {
  expect(zoom({ scale: 2, x: 0.5, y: 0.5 }, { from: { x: 0, y: 0 }, factor: 0.1 })).toEqual(WHOLE);
  expect(zoom(WHOLE, { from: { x: 0, y: 0 }, factor: 1_000 }).scale).toBe(12);
  expect(zoom({ scale: 3, x: 0, y: 0 }, { from: { x: 0, y: 0 }, to: { x: 9, y: -9 } })).toEqual({
    scale: 3,
    x: 1,
    y: -1,
  });
  expect(zoom(WHOLE, { from: { x: 0, y: 0 }, to: { x: 0.3, y: 0 } })).toEqual(WHOLE);
});

test("keys and a double click zoom in, out and back to all of it", () => {
  expect(press(WHOLE, "+").scale).toBe(1.5);
  expect(press(press(WHOLE, "+"), "-")).toEqual(WHOLE);
  expect(press(press(press(WHOLE, "="), "+"), "0")).toEqual(WHOLE);
  expect(press(press(WHOLE, "+"), "ArrowLeft", true).x).toBeCloseTo(0.1);
  expect(press(WHOLE, "+", true).scale).toBe(1.5);
  expect(gestureOf({ key: "ArrowLeft", shiftKey: false })).toBeUndefined();
  expect(gestureOf({ key: "constructor", shiftKey: false })).toBeUndefined();
  const near = zoom(WHOLE, toggle(WHOLE, { x: 0.25, y: 0 }));
  expect(near).toEqual({ scale: 2.5, x: -0.375, y: 0 });
  expect(zoom(near, toggle(near, { x: 0, y: 0 }))).toEqual(WHOLE);
});
