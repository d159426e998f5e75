import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";

import { expect, test } from "vitest";

import { writeZip, type ZipEntry } from "../../../src/parts/downloads/write-zip.ts";
import { readZip } from "../../support/read-zip.ts";

const AT = new Date("2026-11-29T12:34:56Z");

async function* toEntries(files: Readonly<Record<string, readonly string[]>>) {
  for (const [name, chunks] of Object.entries(files)) {
    const entry: ZipEntry = {
      name,
      modifiedAt: AT,
      chunks: Readable.from(chunks.map((chunk) => Buffer.from(chunk))),
    };
    yield entry;
  }
}

const write = (files: Readonly<Record<string, readonly string[]>>) =>
  buffer(writeZip(toEntries(files)));

test("files come out as they went in, whatever their chunks", async () => {
  const zip = await write({ "a.txt": ["a", "b"], "empty.txt": [], "c.txt": ["c".repeat(70_000)] });
  expect([...(await readZip(zip))].map(([name, bytes]) => [name, bytes.toString()])).toEqual([
    ["a.txt", "ab"],
    ["empty.txt", ""],
    ["c.txt", "c".repeat(70_000)],
  ]);
  // Stored, not compressed.
  expect(zip.includes("c".repeat(70_000))).toBe(true);
});

test("no file at all is a ZIP too", async () => {
  expect(await readZip(await write({}))).toEqual(new Map());
});

test("a ZIP that would need the 64-bit format breaks off", async () => {
  const huge = Buffer.alloc(1_048_576);
  // Not written anywhere, and its sum is nobody's.
  Object.defineProperty(huge, "length", { value: 2 ** 32 });
  const entries = async function* () {
    yield { name: "a", modifiedAt: AT, chunks: Readable.from([huge]) };
  };
  await expect(Array.fromAsync(writeZip(entries()))).rejects.toBeInstanceOf(RangeError);
});
