import { isDeepStrictEqual } from "node:util";

import type { Page } from "playwright-core";
import sharp from "sharp";
import { z } from "zod";

const BOX = z.object({ name: z.string(), left: z.int(), right: z.int(), middle: z.int() });

/** Of those that are in view, and that nothing lies on. */
const FIND_FIELDS = `document.activeElement.blur(),
  [...document.querySelectorAll("input, select, textarea, .run-drop")].flatMap((one) => {
    const { left, right, top, width, height } = one.getBoundingClientRect();
    const middle = Math.round(top + height / 2);
    const isSeen = [left + 1, right - 2].every((x) => one.contains(document.elementFromPoint(x, middle) ?? document));
    if (width === 0 || !isSeen || one.disabled || getComputedStyle(one).opacity === "0") return [];
    const name = [one.localName, one.type, one.ariaLabel ?? one.name ?? one.id].filter(Boolean).join(" ");
    return { name, left: Math.round(left), right: Math.round(right), middle };
  })`;

const LEAST = 3;
/** How far into a field its edge may lie, and how far from its middle a dash of it. */
const DEPTH = 4;
const REACH = 6;

/** Fields whose edges at the left and at the right have less than 3:1 against what is beside them (WCAG 1.4.11). */
export async function findPaleEdges(page: Page): Promise<readonly string[]> {
  const { boxes, png } = await shoot(page);
  const shot = sharp(png).removeAlpha().raw();
  const { data, info } = await shot.toBuffer({ resolveWithObject: true });
  const lightAt = (x: number, y: number): number => {
    const at = (y * info.width + x) * info.channels;
    const [red = 0, green = 0, blue = 0] = [...data.subarray(at, at + 3)].map(toLinear);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  return boxes.flatMap(({ name, left, right, middle }) => {
    const ratios = [
      { outside: left - 2, first: left - 1 },
      { outside: right + 1, first: right - DEPTH },
    ].map(({ outside, first }) => {
      const behind = lightAt(outside, middle);
      const strip = Array.from({ length: DEPTH + 1 }, (_, step) => first + step).flatMap((x) =>
        Array.from({ length: 2 * REACH }, (_, step) => lightAt(x, middle - REACH + step)),
      );
      return Math.max(...strip.map((one) => contrast(one, behind)));
    });
    const least = Math.min(...ratios);
    return least < LEAST ? `${name} ${least.toFixed(1)}` : [];
  });
}

/** A picture of the page, and where its fields are in it: what arrives in between may move them. */
async function shoot(page: Page) {
  const findBoxes = async () => z.array(BOX).parse(await page.evaluate(FIND_FIELDS));
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const boxes = await findBoxes();
    const png = await page.screenshot();
    if (isDeepStrictEqual(boxes, await findBoxes())) return { boxes, png };
  }
  throw new Error("the page's fields do not come to rest");
}

function toLinear(byte: number): number {
  const part = byte / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}

function contrast(one: number, other: number): number {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

/** Texts that reach out of what they stand in, or are cut at a side without three dots. */
export async function findOverflows(page: Page): Promise<readonly string[]> {
  return z.array(z.string()).parse(await page.evaluate(FIND_OVERFLOWS));
}

const FIND_OVERFLOWS = `(() => {
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const isClosed = (one) => one !== null && (one.getBoundingClientRect().height === 0 || isClosed(one.parentElement));
  while (texts.nextNode()) {
    const { currentNode: text } = texts;
    const parent = text.parentElement;
    if (!text.data.trim() || !parent.checkVisibility() || isClosed(parent)) continue;
    if (parent.closest(".unseen, select, noscript")) continue;
    range.selectNodeContents(text);
    const rects = [...range.getClientRects()];
    for (let box = parent; box !== document.body; box = box.parentElement) {
      const { textOverflow, display, position } = getComputedStyle(box);
      if (display === "inline" || display === "contents") continue;
      // What scrolls up and down only, as the viewer's side, is not meant to scroll sideways.
      if (textOverflow === "ellipsis" || box.matches("pre, nav, .run-strip")) break;
      const { left, right } = box.getBoundingClientRect();
      if (rects.some((rect) => rect.left < left - 1 || rect.right > right + 1)) {
        found.push(text.data.slice(0, 40) + " in " + box.localName + "." + box.className);
        break;
      }
      if (/absolute|fixed/.test(position)) break;
    }
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
  return found;
})()`;

const LOOK = z.tuple([z.string(), z.string()]);

/** How each of these elements looks, by computed styles, with the value of its attribute. */
export async function readLooks(page: Page, selector: string, attribute: string) {
  const looks = await page.evaluate(`[...document.querySelectorAll('${selector}')].map((one) => {
    const of = (part) => {
      const style = getComputedStyle(one, part);
      const names = ["content", "color", "backgroundColor", "borderBottomColor", "borderBottomWidth"];
      return names.map((name) => style[name]).join(" ");
    };
    return [String(one.getAttribute("${attribute}")), of() + of("::before")];
  })`);
  return z.array(LOOK).parse(looks);
}
