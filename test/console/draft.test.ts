import { expect, test } from "vitest";

import { toDraft, toInput } from "../../console/src/form/draft";
import { readFields, withOthers } from "../../console/src/form/fields";

const PICTURE = { type: "string", format: "image_uri" };
const SCHEMA = {
  properties: {
    prompt: { type: "string" },
    neg: { type: "string", default: "blurry" },
    frames: { type: ["integer", "null"], default: 81 },
    pictures: { type: "array", items: PICTURE, default: ["https://example.com/a.png"] },
    steps: { type: "integer", default: 25 },
    seed: { type: "integer" },
  },
};
const INPUT = { prompt: "A boat", neg: "", frames: null, pictures: [], steps: "9" };

test.each([SCHEMA, { ...SCHEMA, additionalProperties: false }])(
  "the values of a job are submitted again as they were, also where a field can't hold them",
  (schema) => {
    const draft = toDraft(readFields(schema), INPUT);
    const fields = withOthers(readFields(schema), draft);
    expect(toInput(fields, draft)).toEqual({ input: INPUT, problems: new Map() });
  },
);

test("what is the default, or nothing where there is none, leaves its field empty", () => {
  const fields = readFields({ ...SCHEMA, additionalProperties: false });
  const draft = toDraft(fields, { prompt: "A boat", neg: "blurry", frames: 81, seed: null });
  expect(draft).toEqual({ prompt: "A boat" });
  expect(withOthers(fields, draft)).toBe(fields);
});
