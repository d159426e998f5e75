import { expect, test } from "vitest";

import { fromCursor, toCursor } from "../../src/schema/job-connection.ts";

test("a cursor leads back to its place", () => {
  const position = { createdAt: new Date(1_753_190_236_143), id: "job_x" };
  expect(fromCursor(toCursor(position), "after")).toEqual(position);
});

test.each([
  ["junk behind it", `${encode("1:job_x")}!!`],
  ["another spelling of its bytes", `${encode("1:job_x")}=`],
  ["another spelling of its number", encode("01:job_x")],
  ["no place in it", encode("job_x")],
])("a cursor with %s is refused", (_what, cursor) => {
  expect(() => fromCursor(cursor, "before")).toThrow("`before` is not a cursor of this list.");
});

function encode(text: string): string {
  return Buffer.from(text).toString("base64url");
}
