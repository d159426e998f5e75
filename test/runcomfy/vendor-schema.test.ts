import { expect, test } from "vitest";

import { toJsonSchema } from "../../src/engine/runcomfy/vendor-schema.ts";
import type { JsonObject } from "../../src/engine/job/json.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { toTexts } from "../support/document-of.ts";

/** As the vendor's catalogue has it. */
const FLUX = {
  type: "object",
  title: "Input schema",
  required: ["prompt"],
  properties: {
    prompt: {
      type: "string",
      title: "Prompt",
      description: "",
      default: "A lighthouse at dusk",
    },
    guidance_scale: { type: "float", minimum: 0, maximum: 20, default: 2.5 },
    seed: { type: "integer", default: null },
    image_size: {
      type: "string",
      enum: ["square_hd", "square", "portrait_4_3", "landscape_16_9"],
      default: "landscape_4_3",
    },
    output_format: { type: "string", enum: ["jpeg", "png", "webp"], default: "png" },
  },
};
const WAN = {
  type: "object",
  title: "Input schema",
  required: ["prompt", "image_url"],
  properties: {
    prompt: { type: "string", default: "" },
    image_url: { type: "string", format: "image_uri" },
    end_image_url: { type: "string", format: "image_uri" },
    resolution: { type: "string", enum: ["480p", "720p", "1080p"], default: "720p" },
    duration: { type: "integer", minimum: 2, maximum: 30, default: 5 },
    enable_audio: { type: "boolean", default: true },
    seed: { type: "integer", minimum: 0, maximum: 2147483647, default: 0 },
  },
};

function modelOf(inputSchema: JsonObject) {
  const catalogue = catalogueOf({ id: "a/b", name: "Glow", kind: "model", inputSchema });
  const contract = catalogue.find("a/b")?.input ?? null;
  if (contract === null) throw new Error("The model takes nothing.");
  const { shape, check } = contract;
  const fields = (shape?.fields ?? []).map(({ name, shape: { kind } }) => [name, kind]);
  return {
    shape,
    fields: Object.fromEntries(fields),
    issuesOf: (input: JsonObject) => toTexts(check(input, (path) => path).issues),
  };
}

/** A model whose input has these properties. */
function modelWith(properties: JsonObject, required: readonly string[] = []) {
  return modelOf({ type: "object", properties, required });
}

test("a whole schema of the catalogue gives types and checks, and its samples are not sent", () => {
  const { shape, issuesOf } = modelOf(FLUX);
  const types = shape?.fields.map(({ graphqlName, shape: type, isRequired }) => [
    graphqlName,
    type.kind === "scalar" ? type.scalar : type.kind,
    isRequired,
  ]);
  expect(types).toEqual([
    ["prompt", "String", true],
    ["guidanceScale", "Float", false],
    ["seed", "SafeInt", false],
    ["imageSize", "enum", false],
    ["outputFormat", "enum", false],
  ]);
  expect(issuesOf({ prompt: "a kite", guidance_scale: 2.5, seed: 7 })).toEqual([]);
  expect(issuesOf({ guidance_scale: 20.5, seed: 0.5, image_size: "round" })).toEqual([
    expect.stringContaining("prompt: is missing"),
    "guidance_scale: is 20.5; the most is 20",
    expect.stringContaining("image_size: must be"),
    "seed: must be an integer",
  ]);
});

test("a file is a public URL or an upload, alone and in lists, with items or without", () => {
  const wan = modelOf(WAN);
  const http = "http://files.example.com/a.png";
  expect(wan.issuesOf({ prompt: "pan", image_url: "upload:upl_ab" })).toEqual([]);
  expect(wan.issuesOf({ prompt: "pan", image_url: http })).toEqual([
    expect.stringContaining("image_url: "),
  ]);
  const lists = modelWith({
    images: { type: "array", format: "image_uris", maxItems: 9 },
    videos: { type: "ARRAY", format: "video_uris", items: { type: "string" } },
    audios: { format: "audio_uris" },
    audio: { format: "audio_uri" },
    // One model's string is another one's list: the type says which.
    image_url: { type: "array", format: "image_uri" },
    mask: { type: "string", format: "image_uris" },
  });
  const kinds = { images: "list", videos: "list", audios: "list", image_url: "list" };
  expect(lists.fields).toEqual({ ...kinds, audio: "scalar", mask: "scalar" });
  const files = ["upload:upl_ab", "https://files.example.com/a"];
  const good = { images: files, videos: files, audios: files, image_url: files };
  expect(lists.issuesOf({ ...good, audio: files[0] ?? "", mask: files[1] ?? "" })).toEqual([]);
  const bad = Object.fromEntries(Object.keys(good).map((name) => [name, [http]]));
  const wrong = lists.issuesOf({ ...bad, audio: http, mask: http });
  expect(wrong.map((text) => text.split(": ")[0] ?? "").toSorted()).toEqual([
    ...["audio", "audios[0]", "image_url[0]", "images[0]", "mask", "videos[0]"],
  ]);
  const rules = lists.shape?.fields.find(({ name }) => name === "images")?.rules.join(" ");
  expect(rules).toBe(
    "`maxItems` 9. Each item: A public https URL of a file, or `upload:` and the `id` of an upload.",
  );
});

test("what is required without being described is not, as nobody could say what to give", () => {
  const { issuesOf } = modelWith({ image: { type: "string" } }, ["image_urls", "image"]);
  expect(issuesOf({ image: "a" })).toEqual([]);
  expect(issuesOf({})).toEqual([expect.stringContaining("image: is missing")]);
});

test("what an enum lists is sent as it is listed, whatever its type says", () => {
  const { issuesOf } = modelWith({
    duration: { type: "integer", enum: ["auto", "5", "20"] },
    size: { type: "string", enum: ["auto", 5] },
    steps: { type: "integer", enum: [4, 8] },
  });
  expect(issuesOf({ duration: "5", size: 5, steps: 8 })).toEqual([]);
  expect(issuesOf({ duration: 5, size: "5", steps: "8" })).toHaveLength(3);
});

test("null is among what an enum lists where the schema says so, whatever its type says", () => {
  const { issuesOf } = modelWith({
    duration: { type: "integer", enum: ["5", "20"], nullable: true },
    size: { type: "string", enum: ["s", null], nullable: true },
    mood: { enum: ["calm"], nullable: true },
    steps: { type: "integer", enum: ["4"], nullable: false },
  });
  expect(issuesOf({ duration: "5", size: "s", mood: "calm", steps: "4" })).toEqual([]);
  expect(issuesOf({ duration: null, size: null, mood: null })).toEqual([]);
  expect(issuesOf({ duration: 5, steps: null })).toHaveLength(2);
});

test("the dialect is understood wherever a schema can stand", () => {
  const float = { type: "FLOAT", maximum: 2 };
  const number = { type: "number", maximum: 2 };
  const schemaOf = (part: JsonObject): JsonObject => ({
    definitions: { scale: part },
    dependencies: { seed: part, size: ["width"] },
    dependentSchemas: { seed: part },
    if: part,
    // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema has this word.
    then: part,
    else: part,
    contains: part,
    propertyNames: part,
    items: [part],
  });
  expect(toJsonSchema(schemaOf(float))).toEqual(schemaOf(number));
  const { issuesOf } = modelOf({
    type: "object",
    definitions: { scale: float },
    properties: { scale: { $ref: "#/definitions/scale" } },
  });
  expect(issuesOf({ scale: 2.5 })).toEqual(["scale: is 2.5; the most is 2"]);
});

test("a LoRA has the shape that the schema says", () => {
  const item = { type: "object", required: ["path"], properties: { path: { type: "string" } } };
  const { fields, issuesOf } = modelWith({
    lora: item,
    loras: {
      type: "array",
      maxItems: 1,
      items: {
        ...item,
        properties: { ...item.properties, scale: { type: "float", maximum: 2 } },
      },
    },
  });
  expect(fields).toEqual({ lora: "object", loras: "list" });
  const path = "fox.safetensors";
  expect(issuesOf({ lora: { path }, loras: [{ path, scale: 0.9 }] })).toEqual([]);
  expect(issuesOf({ lora: {}, loras: [{ path, scale: 2.5 }] })).toEqual([
    expect.stringContaining("lora.path: is missing"),
    "loras[0].scale: is 2.5; the most is 2",
  ]);
});

test("what the vendor demands of a file is described, and formats of its forms are not", () => {
  const { shape } = modelWith({
    image: {
      type: "string",
      format: "image_uri",
      validations: [
        {
          validation_rule: "file_size_mb<",
          validation_value: 50,
          validation_error: "At most 50 MB",
        },
        { validation_rule: "width/height>", validation_value: 0.4 },
      ],
    },
    steps: { type: "integer", format: "int_slider_with_range", minimum: 1, maximum: null },
  });
  expect(shape?.fields.map(({ rules }) => rules)).toEqual([
    [
      "A public https URL of a file, or `upload:` and the `id` of an upload.",
      "At most 50 MB.",
      "`width/height>` 0.4.",
    ],
    ["`minimum` 1."],
  ]);
});

test("a community workflow's fields, which begin with a number, take what they say", () => {
  const { shape, issuesOf } = modelWith({
    "56_text": { type: "string", default: "a fox" },
    "118_image": { type: "string", format: "image_uri", default: "in.webp" },
  });
  expect(shape?.fields.map(({ graphqlName }) => graphqlName)).toEqual(["_56Text", "_118Image"]);
  expect(issuesOf({ "56_text": "a fox", "118_image": "upload:upl_ab" })).toEqual([]);
  // A sample is the name of a file that only the vendor has.
  expect(issuesOf({ "118_image": "in.webp" })).toHaveLength(1);
});

test("what is data stays as it is, and what is not understood is reported at its place", () => {
  const odd = { default: { type: "FLOAT", format: "image_uri" }, enum: [{ type: "FLOAT" }] };
  expect(toJsonSchema(odd)).toEqual(odd);
  expect(() => modelWith({ a: { type: "array", items: { type: "flot" } } })).toThrow(
    "deployments[0].inputSchema.properties.a.items.type: must be",
  );
});
