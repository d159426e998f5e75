import { PassThrough } from "node:stream";

import { expect, test } from "vitest";

import { confirm } from "../../src/commands/confirm.ts";

test.each([
  ["y\n", true],
  ["YES \r\nno\n", true],
  ["n\n", false],
  ["\n", false],
  ["yesterday\n", false],
])("%j is taken for a yes: %s, and the input is left alone then", async (text, isYes) => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const { signal } = new AbortController();
  const answer = confirm("Really? ", { input, output, signal });
  expect(String(output.read())).toBe("Really? ");
  input.write(text);
  expect(await answer).toBe(isYes);
  expect(input.isPaused()).toBe(true);
});

test("an input that ends, or a signal, is no yes", async () => {
  const output = new PassThrough();
  const ended = new PassThrough();
  ended.end();
  const leaving = new AbortController();
  expect(await confirm("?", { input: ended, output, signal: leaving.signal })).toBe(false);
  const answer = confirm("?", { input: new PassThrough(), output, signal: leaving.signal });
  leaving.abort();
  expect(await answer).toBe(false);
});
