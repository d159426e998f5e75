import fc from "fast-check";
import { expect, test } from "vitest";

import { toDraft, toInput } from "../../../../console/src/model/input";
import { readFields, withOthers } from "../../../../console/src/model/fields";
import { findFiles, withFile } from "../../../../console/src/model/file-inputs";
import { findIssues } from "../../../../console/src/model/issues";
import { findSeeds, withSeeds } from "../../../../console/src/model/seeds";
import { readFilters, toJobFilter, isSearched } from "../../../../console/src/model/filters";
import { fileNameOf } from "../../../../console/src/model/address";
import { ratioOf } from "../../../../console/src/model/asset";
import { promptOf } from "../../../../console/src/model/prompt";

const FIELDS = readFields({
  properties: {
    prompt: { type: "string" },
    image: { type: "string", format: "image_uri" },
    images: { type: "array", items: { type: "string", format: "image_uri" } },
    width: { type: "integer" },
    height: { type: "integer" },
    seed: { type: "integer" },
    scale: { type: "number" },
    mode: { enum: ["a", "b"] },
    fast: { type: "boolean" },
    extra: { type: "object" },
    camera: { type: "object", properties: { image: { type: "string", format: "image_uri" } } },
    shots: { type: "array", items: { type: "object", properties: { prompt: { type: "string" } } } },
    either: { anyOf: [{ type: "string" }, { type: "array", items: { type: "number" } }] },
  },
});
const NOTHING_SAID = { problems: new Map(), refused: [], checked: [], sent: null };
const DEEP = "[".repeat(9_000) + "]".repeat(9_000);

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("%", "/", ":", "\\", "[", "{", '"', "é", "\ud800", "0", "a") }),
  fc.constantFrom(
    "",
    "null",
    "upload:upl_1",
    "file:1",
    "form:1",
    "json:[",
    "1e999",
    "-",
    "__proto__",
    DEEP,
  ),
);
const anyAddress = anyText.map((text) => `https://example.com/${text}`);
/** Objects that have no text of their own among them, as `String` would ask them for one. */
const anyValue = fc.oneof(
  fc.jsonValue(),
  anyText,
  anyAddress,
  fc.constantFrom({ toString: 1, valueOf: 1 }, [{ toString: 1, valueOf: 1 }], [[]]),
);
const anyInput = fc.oneof(
  anyValue,
  fc.constantFrom({ width: "1e999", height: "1e999" }, { width: [1], height: { valueOf: 1 } }),
  fc.dictionary(fc.constantFrom(...FIELDS.map(({ name }) => name)), anyValue),
);

test.each([
  ["100%.png", "100%.png"],
  ["50%off.png?size=1", "50%off.png"],
  ["a%20hut%2F1.png", "a hut/1.png"],
])("a file's address that ends with %s has the name %s", (path, name) => {
  expect(fileNameOf(`https://example.com/x/${path}`)).toBe(name);
});

test("whatever stands in an address, it has a name", () => {
  fc.assert(
    fc.property(fc.oneof(anyText, anyAddress), (text) => {
      expect(typeof fileNameOf(text)).toBe("string");
    }),
  );
});

test("whatever is typed into a form, it says what would be sent or what is wrong", () => {
  const draftOf = fc.dictionary(fc.constantFrom("", ...FIELDS.map(({ name }) => name)), anyText);
  fc.assert(
    fc.property(draftOf, (draft) => {
      const fields = withOthers(FIELDS, draft);
      const { input, problems } = toInput(fields, draft);
      const sent = withSeeds(findSeeds(fields, input), input, 7);
      expect(JSON.stringify(sent, null, 2)).toContain("{");
      findIssues(fields, draft, new Set(Object.keys(draft)), { ...NOTHING_SAID, problems });
    }),
  );
});

test("whatever a job was given, it is shown and fills a form again", () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const draft = toDraft(FIELDS, input);
      const fields = withOthers(FIELDS, draft);
      expect(toInput(fields, draft).problems).toEqual(new Map());
      expect(ratioOf(input, FIELDS)).toBeGreaterThan(0);
      expect(typeof promptOf({ input })).toBe("string");
      for (const file of findFiles(FIELDS, input)) fileNameOf(file);
      expect(withFile(FIELDS, input, { kind: "IMAGE" }, "upload:upl_1")).not.toHaveProperty("seed");
    }),
  );
});

test("whatever an address of the console asks for, jobs are listed", () => {
  fc.assert(
    fc.property(anyText, anyText, (name, text) => {
      const search = new URLSearchParams(
        `${name}&from=${text}&to=${text}&tag=${text}&text=${text}`,
      );
      JSON.stringify(toJobFilter(readFilters(search)));
      isSearched(text);
    }),
  );
});
