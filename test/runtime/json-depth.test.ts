import fc from "fast-check";
import { expect, test } from "vitest";

import { isDeeperThan } from "../../src/runtime/json-depth.ts";

function isDeeper(json: string, levels: number): boolean {
  return isDeeperThan(Buffer.from(json), levels);
}

const TEXTS = fc.json({
  maxDepth: 8,
  stringUnit: fc.constantFrom("[", "{", "]", "}", '"', "\\", "é", "😀", "a"),
});

test("it knows the depth of any JSON, whatever brackets, quotes and backslashes its strings have", () => {
  fc.assert(
    fc.property(TEXTS, fc.constantFrom("", "  "), fc.nat(9), (text, indent, levels) => {
      const value: unknown = JSON.parse(text);
      const json = JSON.stringify(value, null, indent);
      const isTooDeep = toDepth(value) > levels;
      expect(isDeeper(json, levels)).toBe(isTooDeep);
      expect(isDeeper(json.replaceAll(/[^\n -~]/g, toEscape), levels)).toBe(isTooDeep);
    }),
    { numRuns: 2_000 },
  );
});

function toDepth(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(toDepth));
}

function toEscape(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

test("so many levels may be nested, and not one more", () => {
  const nest = (open: string, levels: number, close: string): string =>
    `${open.repeat(levels)}0${close.repeat(levels)}`;
  for (const [open, close] of [
    ["[", "]"],
    ['{"a":', "}"],
  ] as const) {
    expect(isDeeper(nest(open, 80, close), 80)).toBe(false);
    expect(isDeeper(nest(open, 81, close), 80)).toBe(true);
  }
  expect(isDeeper(`[${"[],".repeat(100_000)}0]`, 80)).toBe(false);
});

test("of what is no JSON, it counts what a parser meets before it gives up", () => {
  const deep = "[".repeat(200);
  expect(isDeeper(deep, 80)).toBe(true);
  expect(isDeeper(`"${deep}`, 80)).toBe(false);
  expect(isDeeper(`"${deep}\\"`, 80)).toBe(false);
  expect(isDeeper(`"${deep}\\`, 80)).toBe(false);
  expect(isDeeper(`"\\\\"${deep}`, 80)).toBe(true);
  // In a string, a character whose last bytes are missing.
  const broken = Buffer.concat([Buffer.from([0x22, 0xe2, 0x22]), Buffer.from(deep)]);
  expect(isDeeperThan(broken, 80)).toBe(true);
});
