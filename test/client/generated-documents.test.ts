import { join } from "node:path";

import { expect, test } from "vitest";

import { generateExample } from "../support/generate-example.ts";
import { openClient } from "./open-client.ts";

const INPUT = { prompt: "A harbour", ctrlImg1: "https://example.com/harbour.jpg" };

test("a mutation that is generated as the pages tell gives its field, though each selection begins with __typename", async () => {
  const folder = await generateExample();
  const generated: typeof import("../../examples/react/src/gql/graphql.ts") = await import(
    join(folder, "src/gql/graphql.ts")
  );
  const document = generated.SubmitDocument;
  expect(String(document)).toMatch(/^\s*mutation [^{]*\{\s*__typename\s+submitWarmGlow\(/);
  const { client } = await openClient();
  const result = await client.submit(document, { input: INPUT, key: "key-1" });
  expect(result).toMatchObject({
    __typename: "SubmitJobSuccess",
    job: { __typename: "Job", id: expect.stringMatching(/^job_/) },
  });
});
