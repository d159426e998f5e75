import { constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { PassThrough } from "node:stream";

import { expect, onTestFinished, test } from "vitest";

import { createLog } from "../src/create-log.ts";
import type { NamedPipe } from "./support/named-pipe.ts";
import { openNamedPipe } from "./support/named-pipe.ts";

const MEBIBYTE = 1_048_576;
/** Longer than what a pipe takes at once. */
const FILLING = "x".repeat(1_000);

/** A stream into a pipe, as standard error is one. */
function openWriter({ path }: NamedPipe): Socket {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: false, writable: true });
  onTestFinished(() => void socket.destroy());
  return socket;
}

function readNumber(line: string, name: string): number {
  return Number(new RegExp(`"${name}":(\\d+)`).exec(line)?.[1]);
}

test("a reader that falls behind costs a mebibyte, and learns how many lines it has missed", async () => {
  const pipe = await openNamedPipe();
  const output = openWriter(pipe);
  const log = createLog({ output, level: null });
  const total = 5_000;
  for (let place = 0; place < total; place++) log.info({ place }, FILLING);
  expect(output.writableLength).toBeLessThan(MEBIBYTE + 2 * FILLING.length);
  const text = pipe.read();
  await expect.poll(text).toMatch(/"lines":\d+.*\n$/);
  log.info({ place: total }, "The reader is back.");
  await expect.poll(text).toContain("The reader is back.");
  const lines = text().trimEnd().split("\n");
  const reported = lines.filter((line) => line.includes('"lines":'));
  expect(reported).toEqual([expect.stringMatching(/^\{"level":50,.*were dropped.*Read/)]);
  const places = lines
    .filter((line) => line.includes('"place":'))
    .map((line) => readNumber(line, "place"));
  const missed = readNumber(reported[0] ?? "", "lines");
  expect(places).toHaveLength(total + 1 - missed);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(missed).toBeGreaterThan(total / 2);
});

test("on a terminal the log is for people, and begins with warnings", () => {
  const output = Object.assign(new PassThrough(), { isTTY: true });
  const log = createLog({ output, level: null });
  log.info("It is not shown.");
  log.warn({ jobId: "job_1" }, "It is shown.");
  const text = String(output.read());
  expect(text).toMatch(/WARN.*It is shown\./);
  expect(text).toMatch(/jobId.*job_1/);
  expect(text).not.toMatch(/^\{|pid|hostname|not shown/m);
});

test("the level applies everywhere", () => {
  const outputs = [new PassThrough(), Object.assign(new PassThrough(), { isTTY: true })];
  for (const output of outputs) {
    const log = createLog({ output, level: "debug" });
    log.debug("It is shown.");
    expect(String(output.read())).toContain("It is shown.");
  }
});

test("of an error the log gets what may be shown", () => {
  const output = new PassThrough();
  const err = Object.assign(new Error("It broke."), { body: "canary" });
  createLog({ output, level: null }).error({ err }, "It failed.");
  const text = String(output.read());
  expect(text).toContain("It broke.");
  expect(text).not.toContain("canary");
});
