import { expect, test } from "vitest";

import { toUnlisted } from "../../src/engine/deployments/catalogue.ts";
import type { JsonObject } from "../../src/engine/job/json.ts";
import { type Environment, runIn } from "../../src/runtime/environment.ts";
import { chance, clock } from "../../src/runtime/environment.ts";
import { drawSeed } from "../../src/engine/tracking/draw-seed.ts";
import { catalogueOf } from "../support/catalogue-of.ts";

const MOST = 2_147_483_647;

/** What is drawn at the ends of chance, for a deployment of a schema of `seed`. */
function drawn(entry: object): unknown[] {
  const deployment = catalogueOf({ id: "dep", name: "A", ...entry }).deployments[0];
  if (deployment === undefined) throw new Error("no deployment");
  return ends((input) => drawSeed(input, deployment));
}

function ends(draw: (input: JsonObject) => JsonObject): unknown[] {
  return [0, 1 - 2 ** -53].map((random) => {
    const environment: Environment = { clock, chance: { ...chance, random: () => random } };
    return runIn(environment, () => draw({ prompt: "x", seed: -1 }))["seed"];
  });
}

const withSeed = (seed: object) => ({
  id: "a/b",
  kind: "model",
  inputSchema: { type: "object", properties: { prompt: { type: "string" }, seed } },
});

test.each([
  [{ type: "integer" }, [0, MOST]],
  [{ type: "integer", minimum: -1 }, [0, MOST]],
  [{ type: "integer", minimum: -1, maximum: 65_535 }, [0, 65_535]],
  [{ type: "integer", minimum: -1, maximum: 2 ** 53 - 1 }, [0, MOST]],
  [{ type: "integer", minimum: 5, maximum: 9 }, [5, 9]],
  [{ type: "number", minimum: 0.5, maximum: 2.5 }, [1, 2]],
  [{ type: ["integer", "null"], default: null }, [0, MOST]],
  // Nobody says that it is a number.
  [{ type: "string" }, [-1, -1]],
  [{}, [-1, -1]],
  [{ enum: [-1, 1, 2] }, [-1, -1]],
  [{ oneOf: [{ type: "integer" }, { const: "random" }] }, [-1, -1]],
  // Not every number will do, or none.
  [{ type: "integer", multipleOf: 2 }, [-1, -1]],
  [{ type: "integer", exclusiveMaximum: 10 }, [-1, -1]],
  [{ type: "integer", maximum: -1 }, [-1, -1]],
])("of a seed %o the numbers are %o", (seed, expected) => {
  expect(drawn(withSeed(seed))).toEqual(expected);
});

test("where no schema is known, LoRAs alone have a seed", () => {
  expect(ends((input) => drawSeed(input, toUnlisted("dep")))).toEqual([0, MOST]);
  expect(drawn({ kind: "lora" })).toEqual([0, MOST]);
  expect(drawn({ kind: "lora", model: "flux" })).toEqual([0, MOST]);
  expect(drawn({ id: "a/b", kind: "model" })).toEqual([-1, -1]);
  expect(drawn({ id: "a/b", kind: "model", inputSchema: { type: "object" } })).toEqual([-1, -1]);
});

test("a workflow's seed is the input of that name", () => {
  const inputs = { seed: { node: "3", input: "noise_seed", type: "integer" } };
  expect(drawn({ id: "flow", kind: "comfyui", inputs })).toEqual([0, MOST]);
  const other = { noise: { node: "3", input: "seed", type: "integer" } };
  expect(drawn({ id: "flow", kind: "comfyui", inputs: other })).toEqual([-1, -1]);
});

test("only the number -1 of the input itself is replaced", () => {
  const given = [
    { seed: "-1" },
    { seed: -2 },
    { seed: 0 },
    { seed: null },
    {},
    { a: { seed: -1 } },
    [{ seed: -1 }],
  ];
  for (const [index, one] of given.entries()) {
    const input: JsonObject = Array.isArray(one) ? { list: one } : one;
    expect(drawSeed(input, toUnlisted("dep")), String(index)).toBe(input);
  }
  const hostile: JsonObject = JSON.parse('{"__proto__":{"seed":1},"seed":-1,"then":2}');
  const text = JSON.stringify(drawSeed(hostile, toUnlisted("dep")));
  expect(text).toMatch(/^\{"__proto__":\{"seed":1\},"seed":\d+,"then":2\}$/);
});
