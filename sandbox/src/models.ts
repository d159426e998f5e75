import { z } from "zod";

import { type BodyObject, createBodyChecks, isObject, NO_OBJECT } from "./body-check.ts";
import { readDefaults } from "./lora.ts";
import file from "./models.json" with { type: "json" };
import { type OutputShape, shapeOutput } from "./output-shapes.ts";
import { RUN_INPUT, type RunInput } from "./schedule.ts";
import type { Target } from "./target.ts";

export type Model = Target & {
  /** As the catalogue shows it, with its `input_schema`. */
  readonly item: BodyObject;
  readonly categories: readonly string[];
};

/** The sandbox's own six models, and those of entries of a deployments file, which lack a price. */
export function loadModels(entries: readonly unknown[]): ReadonlyMap<string, Model> {
  const createCheck = createBodyChecks();

  function toModel({ item, files, shape }: Described): Model {
    const schema = toJsonSchema(item.input_schema);
    const findProblems = createCheck(schema);
    const defaults = readDefaults(schema);
    return {
      id: item.model_id,
      kind: "model",
      name: item.display_name,
      item,
      categories: item.categories,
      isVideo: false,
      check(body) {
        if (!isObject(body)) return { isValid: false, problems: [NO_OBJECT] };
        const problems = findProblems(body);
        if (problems.length > 0) return { isValid: false, problems };
        return { isValid: true, input: toRunInput({ ...defaults, ...body }) };
      },
      toFileNames: ({ output_format: format }) =>
        files.map((name) => (name === "0.png" && format === "webp" ? "0.webp" : name)),
      toOutput: ({ urls, shapes }) => ({ output: shapeOutput(shape, urls, shapes) }),
      toCost({ duration, width, height }) {
        const { base_price_usd: price, price_unit: unit } = item;
        const pixels = (width * height) / 1_000_000;
        const amount = unit === "second" ? duration : unit === "megapixel" ? pixels : 1;
        return Number((price * amount).toFixed(6));
      },
    };
  }

  const known = file.models.map((model) => DESCRIBED.parse(model));
  const ids = new Set(known.map(({ item }) => item.model_id));
  const others = entries.map(toDescribed).filter(({ item }) => !ids.has(item.model_id));
  return new Map([...known, ...others].map((model) => [model.item.model_id, toModel(model)]));
}

type Described = {
  readonly item: z.infer<typeof ITEM>;
  /** The names of the files that a run makes. */
  readonly files: readonly string[];
  readonly shape: OutputShape;
};

const ITEM = z.looseObject({
  model_id: z.string(),
  display_name: z.string(),
  categories: z.array(z.string()),
  base_price_usd: z.number(),
  price_unit: z.string(),
  input_schema: z.custom<BodyObject>(isObject),
});
const DESCRIBED = z.object({
  item: ITEM,
  files: z.array(z.string()),
  shape: z.enum(["images", "image", "video", "audios", "nested", "list"]),
});
const ENTRY = z.object({
  id: z.string(),
  name: z.string().nullable().catch(null),
  inputSchema: z.custom<BodyObject>(isObject).catch({}),
});

/** Describes a model from its id and schema alone: the id's last words mostly say what it makes. */
function toDescribed(entry: unknown): Described {
  const { id, name, inputSchema } = ENTRY.parse(entry);
  const item = {
    model_id: id,
    display_name: name ?? id,
    categories: [],
    base_price_usd: 0,
    price_unit: "output",
    input_schema: inputSchema,
  };
  if (/video[^/]*$/.test(id)) return { item, files: ["0.webm"], shape: "video" };
  if (/audio|music|speech/.test(id)) return { item, files: ["0.wav"], shape: "audios" };
  return { item, files: ["0.png"], shape: "images" };
}

/** The vendor's dialect as JSON Schema: no type `float`, items of lists of files, and nothing required that isn't there. */
function toJsonSchema(schema: unknown): BodyObject {
  if (!isObject(schema)) return {};
  const { type, required, properties, items, format, ...others } = schema;
  const members = isObject(properties) ? properties : {};
  const isFiles = typeof format === "string" && format.endsWith("_uris");
  return {
    ...others,
    ...(type !== undefined && { type: type === "float" ? "number" : type }),
    ...(Array.isArray(required) && {
      required: required.filter((name) => typeof name === "string" && name in members),
    }),
    ...(isObject(properties) && {
      properties: Object.fromEntries(
        Object.entries(members).map(([name, member]) => [name, toJsonSchema(member)]),
      ),
    }),
    ...(items !== undefined && { items: toJsonSchema(items) }),
    ...(isFiles && { items: { type: "string", format: format.slice(0, -1) } }),
    ...(typeof format === "string" && !isFiles && { format }),
  };
}

const SHORT_SIDES: Readonly<Record<string, number>> = { "480p": 480, "720p": 720, "1080p": 1_080 };
const SHORT_SIDE = 720;

/** Of what a body and the defaults of its schema say, in the words of several models. */
function toRunInput(body: BodyObject): RunInput {
  const { prompt, tags, image_size: named, aspect_ratio: ratio, resolution, seed, duration } = body;
  const [, wide = 1, high = 1] = /(\d+)[:_](\d+)$/.exec(String(ratio ?? named))?.map(Number) ?? [];
  const isTall = String(named).startsWith("portrait");
  const [x, y] = isTall ? [Math.min(wide, high), Math.max(wide, high)] : [wide, high];
  const side = SHORT_SIDES[String(resolution)] ?? SHORT_SIDE;
  const size = {
    width: Math.round((side * x) / Math.min(x, y)),
    height: Math.round((side * y) / Math.min(x, y)),
  };
  return RUN_INPUT.parse({
    ...size,
    ...body,
    prompt: prompt ?? tags,
    seed: seed ?? -1,
    duration: Number(duration),
  });
}
