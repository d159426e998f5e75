import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { loadCatalogue } from "../../src/deployments/catalogue.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

async function writeCatalogue(text: string): Promise<string> {
  const path = join(await createTemporaryFolder(), "deployments.json");
  await writeFile(path, text);
  return path;
}

test("a catalogue keeps the order of its file and finds deployments by id", async () => {
  const schema = '{"type":"object","properties":{"__proto__":{"type":"string"}}}';
  const catalogue = await loadCatalogue(
    await writeCatalogue(
      `{"deployments":[{"id":"b","name":"B","description":"Makes b.","inputSchema":${schema},"isNew":1},{"id":"a","name":"A"}]}`,
    ),
  );
  expect(catalogue.deployments.map(({ id }) => id)).toEqual(["b", "a"]);
  expect(catalogue.find("a")).toEqual({
    id: "a",
    name: "A",
    description: null,
    inputSchema: null,
    outputSchema: null,
  });
  expect(JSON.stringify(catalogue.find("b")?.inputSchema)).toBe(schema);
  expect(catalogue.find("B")).toBeNull();
  expect(catalogue.find("__proto__")).toBeNull();
});

test("the sandbox's own file is a catalogue", async () => {
  const path = new URL("../../src/sandbox/deployments.json", import.meta.url).pathname;
  expect((await loadCatalogue(path)).deployments[0]?.name).toBe("Warm Glow");
});

test("one error lists every problem of a file", async () => {
  const path = await writeCatalogue(
    JSON.stringify({
      deployments: [
        { id: "../x", name: "" },
        { id: "job_1", name: "A", inputSchema: [] },
        { id: "a", name: "A" },
        { id: "a", name: 5 },
        "a",
        { id: "a", name: "B" },
      ],
    }),
  );
  const loading = loadCatalogue(path);
  await expect(loading).rejects.toThrow(path);
  for (const place of [
    "[0].id",
    "[0].name",
    "[1].id",
    "[1].inputSchema",
    "[3].id",
    "[3].name",
    "[4]",
    "[5].id",
  ]) {
    await expect(loading).rejects.toThrow(`deployments${place}: `);
  }
});

test("an id that is listed twice is a problem", async () => {
  const path = await writeCatalogue(
    '{"deployments":[{"id":"a","name":"A"},{"id":"a","name":"B"}]}',
  );
  await expect(loadCatalogue(path)).rejects.toThrow('deployments[1].id: "a" is listed twice');
});

test.each([
  ["{", "is not JSON"],
  ["[]", 'must be an object such as {"deployments"'],
  ['{"deployments":{}}', "must be a list of deployments"],
])("the file %s is refused with a sentence", async (text, sentence) => {
  await expect(loadCatalogue(await writeCatalogue(text))).rejects.toThrow(sentence);
});

test("a file that can't be read is refused with a sentence that names it and the setting", async () => {
  const folder = await createTemporaryFolder();
  const directory = join(folder, "directory");
  await mkdir(directory);
  for (const path of [join(folder, "missing.json"), directory]) {
    await expect(loadCatalogue(path)).rejects.toThrow(path);
    await expect(loadCatalogue(path)).rejects.toThrow("DEPLOYMENTS_FILE");
  }
});
