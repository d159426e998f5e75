import { z } from "zod";

import { createNamePicker } from "../engine/deployments/graphql-names.ts";
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from "../engine/job/json.ts";

/** Entries of a deployments file, by the names that callers use. */
type Proposal = {
  /** What callers will want to set: prompts, seeds, sizes and files. */
  readonly inputs: JsonObject;
  /** Every other value of the workflow. */
  readonly others: JsonObject;
};

/** What a workflow's entry may let callers set: each value that is saved in it, with type, bounds and choices. */
export function proposeInputs(graph: JsonObject, objectInfo: JsonObject): Proposal {
  const nodes = readNodes(graph);
  const negative = findLeadingTo(nodes, "negative");
  const positive = findLeadingTo(nodes, "positive");
  const found = nodes.flatMap((node) => findLiterals(node, objectInfo));
  const named = found.map((literal) => {
    const isNegative = negative.has(literal.node.id) && !positive.has(literal.node.id);
    return { literal, name: toCallersName(literal, isNegative) };
  });
  const pick = createNamePicker();
  // The wanted ones first, so that they have the plain names.
  const inputs = NAMES.flatMap((name) =>
    named
      .filter((one) => one.name === name)
      .map(({ literal }) => [pick(name), toEntry(literal, name === "prompt")] as const),
  );
  const others = named.flatMap(({ literal, name }) =>
    name === null ? [[pick(literal.input), toEntry(literal, false)] as const] : [],
  );
  return { inputs: Object.fromEntries(inputs), others: Object.fromEntries(others) };
}

/** Whether the workflow has a node with this input. */
export function hasInput(
  graph: JsonObject,
  { node, input }: { readonly [Name in "node" | "input"]: JsonValue | undefined },
): boolean {
  const found = readNodes(graph).find(({ id }) => id === node);
  return found !== undefined && typeof input === "string" && Object.hasOwn(found.inputs, input);
}

type Node = {
  readonly id: string;
  readonly type: string;
  readonly title: string | null;
  readonly inputs: JsonObject;
};

const NODE = z.object({
  class_type: z.string(),
  inputs: z.custom<JsonObject>(isJsonObject),
  _meta: z
    .object({ title: z.string().min(1) })
    .nullish()
    .catch(null),
});

/** In the order of their ids, numbers as numbers, as JSON has no order that means anything. */
function readNodes(graph: JsonObject): readonly Node[] {
  const byId = new Intl.Collator("en", { numeric: true });
  return Object.entries(graph)
    .flatMap(([id, value]) => {
      const { data: node } = NODE.safeParse(value);
      if (node === undefined) return [];
      const { class_type: type, inputs, _meta: meta } = node;
      return [{ id, type, inputs, title: meta?.title ?? null }];
    })
    .toSorted((a, b) => byId.compare(a.id, b.id));
}

/** The nodes from which something leads to an input of this name, over however many others. */
function findLeadingTo(nodes: readonly Node[], input: string): ReadonlySet<string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const found = new Set(nodes.flatMap((node) => sourceOf(node.inputs[input]) ?? []));
  // A set's loop also visits what is added on the way, and nothing twice.
  for (const id of found)
    for (const value of Object.values(byId.get(id)?.inputs ?? {})) {
      const source = sourceOf(value);
      if (source !== null) found.add(source);
    }
  return found;
}

/** The node that a link comes from; null if the value isn't a link. */
function sourceOf(value: JsonValue | undefined): string | null {
  if (value === undefined || !isJsonArray(value)) return null;
  const [node, output] = value;
  return value.length === 2 && typeof node === "string" && Number.isInteger(output) ? node : null;
}

type Literal = {
  readonly node: Node;
  readonly input: string;
  readonly value: string | number | boolean;
  readonly kind: "STRING" | "INT" | "FLOAT" | "BOOLEAN" | "COMBO";
  readonly choices: readonly JsonValue[];
  readonly options: z.infer<typeof OPTIONS>;
};

const OPTIONS = z
  .object({
    min: z.number().nullish().catch(null),
    max: z.number().nullish().catch(null),
    multiline: z.boolean().nullish().catch(null),
    options: z.array(z.custom<JsonValue>()).nullish().catch(null),
    image_upload: z.boolean().nullish().catch(null),
    video_upload: z.boolean().nullish().catch(null),
    audio_upload: z.boolean().nullish().catch(null),
  })
  .catch({});

function findLiterals(node: Node, objectInfo: JsonObject): readonly Literal[] {
  return Object.entries(node.inputs).flatMap(([input, value]) => {
    if (!isScalar(value)) return [];
    const [type = null, given = {}] = findSpec(objectInfo, node.type, input);
    const options = OPTIONS.parse(given);
    const choices = type !== null && isJsonArray(type) ? type : (options.options ?? []);
    const kind = choices.length > 0 ? "COMBO" : KINDS.find((one) => one === type);
    return [{ node, input, value, choices, options, kind: kind ?? kindOf(value) }];
  });
}

function isScalar(value: JsonValue): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}

const KINDS = ["STRING", "INT", "FLOAT", "BOOLEAN"] as const;

/** Of a saved value that nothing describes: 7 may be a number that happens to be whole. */
function kindOf(value: string | number | boolean): Literal["kind"] {
  if (typeof value === "string") return "STRING";
  return typeof value === "boolean" ? "BOOLEAN" : "FLOAT";
}

/** ComfyUI's `["INT",{"min":0}]`, or a list of choices in the place of the type. */
function findSpec(objectInfo: JsonObject, type: string, input: string): readonly JsonValue[] {
  const groups = toObject(toObject(objectInfo[type])["input"]);
  const specs = ["required", "optional"].map((group) => toObject(groups[group])[input]);
  const spec = specs.find((one) => one !== undefined);
  return spec !== undefined && isJsonArray(spec) ? spec : [];
}

function toObject(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

const MEDIA = ["image", "video", "audio"] as const;
/** In the order in which a form shows them. */
const NAMES = ["prompt", "negative_prompt", ...MEDIA, "width", "height", "seed"] as const;
type CallersName = (typeof NAMES)[number];

/** What callers will call it; null where few will want to set it. */
function toCallersName(literal: Literal, isNegative: boolean): CallersName | null {
  const { input, kind } = literal;
  const medium = findMedium(literal);
  if (medium !== null) return medium;
  const isText = kind === "STRING" && (/^(text|prompt)/i.test(input) || literal.options.multiline);
  if (isText === true) return isNegative ? "negative_prompt" : "prompt";
  if (kind !== "INT" && kind !== "FLOAT") return null;
  if (input === "seed" || input === "noise_seed") return "seed";
  return input === "width" || input === "height" ? input : null;
}

/** What kind of file a loader takes there; null where it takes none. */
function findMedium({ node, input, options }: Literal): (typeof MEDIA)[number] | null {
  if (options.image_upload === true) return "image";
  if (options.video_upload === true) return "video";
  if (options.audio_upload === true) return "audio";
  const [, medium = ""] = /Load(Image|Video|Audio)/.exec(node.type) ?? [];
  const isFile = ["file", medium.toLowerCase()].includes(input);
  return isFile ? (MEDIA.find((one) => one === medium.toLowerCase()) ?? null) : null;
}

/** Longer lists, as of models, help nobody in a form. */
const MAX_CHOICES = 100;
const MAX_DEFAULT_LENGTH = 200;

function toEntry(literal: Literal, isRequired: boolean): JsonObject {
  const { node, input, value } = literal;
  const medium = findMedium(literal);
  const hasDefault = medium === null && !isRequired && isExact(value);
  return {
    node: node.id,
    input,
    ...(isRequired && { required: true }),
    ...(medium === null ? toSchema(literal) : { format: `${medium}_uri` }),
    ...(hasDefault && { default: value }),
    // Until somebody names it, a node has the name of its type.
    ...(node.title !== null && node.title !== node.type && { description: node.title }),
  };
}

function toSchema({ kind, choices, options }: Literal): JsonObject {
  switch (kind) {
    case "STRING":
      return { type: "string" };
    case "BOOLEAN":
      return { type: "boolean" };
    case "COMBO":
      return choices.length > MAX_CHOICES ? { type: "string" } : { enum: choices };
    case "INT":
    case "FLOAT": {
      const { min = null, max = null } = options;
      return {
        type: kind === "INT" ? "integer" : "number",
        // A seed's largest is more than JSON's numbers can say.
        ...(min !== null && isExact(min) && { minimum: min }),
        ...(max !== null && isExact(max) && { maximum: max }),
      };
    }
  }
}

function isExact(value: string | number | boolean): boolean {
  if (typeof value === "string") return value.length <= MAX_DEFAULT_LENGTH;
  return typeof value === "boolean" || Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}
