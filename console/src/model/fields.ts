import { isObject, isText, type JsonObject, toWords } from "./json";
import { type Measure, measureOf } from "./measures";
import { readAlternatives, readMembers, resolve, typeOf } from "./schema";

export type Bounds = { readonly minimum: number | null; readonly maximum: number | null };
type Slider = { readonly minimum: number; readonly maximum: number; readonly step: number };

/** What a field is filled in with. */
export type Widget =
  | { readonly kind: "text"; readonly isLong: boolean }
  | (Bounds & {
      readonly kind: "number";
      readonly multiple: number | null;
      readonly slider: Slider | null;
    })
  | (Bounds & { readonly kind: "seed" })
  | { readonly kind: "choice"; readonly options: readonly unknown[] }
  | { readonly kind: "flag" }
  | { readonly kind: "file"; readonly accept: string }
  | { readonly kind: "files"; readonly accept: string; readonly most: number }
  /** Its members are read when they are shown: a schema may lead to itself. */
  | { readonly kind: "object"; readonly members: () => readonly Field[] }
  | {
      readonly kind: "list";
      readonly least: number;
      readonly most: number;
      /** The field of an item, by what stands for it in a draft and its place. */
      readonly item: (id: string, index: number) => Field;
    }
  | { readonly kind: "variants"; readonly variants: readonly Field[] }
  /** What can only be this, so that nobody fills it in. */
  | { readonly kind: "constant"; readonly value: unknown }
  | { readonly kind: "json" };

export type Field = {
  /** At RunComfy; `REST` for the members that no other field names. */
  readonly name: string;
  /** What it is called in a draft: its name, after those of what it is in. */
  readonly path: string;
  readonly label: string;
  readonly description: string;
  readonly isRequired: boolean;
  /** Used seldom, so that it stands apart. */
  readonly isFolded: boolean;
  /** What of the result it decides; null for nothing that is seen at once. */
  readonly measure: Measure | null;
  /** What holds where it stays empty, as the schema says; undefined where that is unknown, or it may not stay empty. */
  readonly fallback: unknown;
  readonly widget: Widget;
};

/** No member of an input has this name in a form. */
export const REST = "";

const LABELS = new Map([
  ["ctrl_img", "Picture"],
  ["fps", "Frames per second"],
  ["guidance_scale", "Guidance"],
  ["neg", "Negative prompt"],
  ["network_multiplier", "LoRA strength"],
  ["num_frames", "Frames"],
  ["sample_steps", "Steps"],
]);
/** What is not written as a word. */
const INITIALISMS = new Map(
  "AI API CFG CLIP FPS HD HDR ID IDs JSON LLM LoRA LoRAs NSFW RGB TTS URL URLs VAE"
    .split(" ")
    .map((word) => [word.toLowerCase(), word]),
);
const LONG_TEXT = 200;
/** As in the gateway, whose types go no deeper. */
const MAX_NESTED_OBJECTS = 12;
/** Of lists and choices in the last object. */
const MAX_NESTED_LISTS = 3;
/** Only the user begins deeper objects: a schema may demand itself, and more than once. */
const MAX_DEMANDED_OBJECTS = 4;

/** The fields of a deployment's input in the order of the form; one for all of it where nothing is known of it. */
export function readFields(inputSchema: unknown): readonly Field[] {
  const root = isObject(inputSchema) ? resolve(inputSchema, inputSchema) : {};
  const fields = readInside(root, { root, path: "", objects: 0, lists: 0 });
  if (fields.length === 0) return [WHOLE];
  const isOpen = root["additionalProperties"] !== false;
  return [...fields.toSorted((one, other) => rank(one) - rank(other)), ...(isOpen ? [OTHERS] : [])];
}

/** What a draft has where all of it is written as JSON; no field has this path, as a name's ~ is ~0. */
export const ALL_AS_JSON = "~";

/** The fields of a form, and one for the rest where a draft has what no field can hold; one for all of it as JSON. */
export function withOthers(fields: readonly Field[], draft: object): readonly Field[] {
  if (ALL_AS_JSON in draft) return [ALL];
  const isHeld = !(REST in draft) || fields.some(({ name }) => name === REST);
  return isHeld ? fields : [...fields, OTHERS];
}

const WHOLE: Field = {
  name: REST,
  path: REST,
  label: "Input",
  description: "Nothing is known of this deployment's fields: write what it takes as JSON.",
  isRequired: true,
  isFolded: false,
  measure: null,
  fallback: undefined,
  widget: { kind: "json" },
};
const ALL: Field = { ...WHOLE, description: "All of the input, as a JSON object." };
const OTHERS: Field = {
  ...WHOLE,
  label: "More as JSON",
  description: "What no field here is for, as a JSON object.",
  isRequired: false,
  isFolded: true,
};

/** Where a schema stands: of which whole it is part, what it is called in a draft, in how many objects and lists. */
type Place = {
  readonly root: JsonObject;
  readonly path: string;
  readonly objects: number;
  readonly lists: number;
};

/** The fields of an object's members, in the schema's order. */
function readInside(schema: JsonObject, { root, path, objects }: Place): readonly Field[] {
  const { members, required } = readMembers(schema, root);
  return members.flatMap(([name, member]) => {
    if (name === REST) return [];
    const place = { root, path: toPath(path, name), objects: objects + 1, lists: 0 };
    return readField(name, member, required.has(name), place);
  });
}

function readField(name: string, schema: JsonObject, isDemanded: boolean, place: Place): Field {
  const { title, description } = schema;
  const widget = readWidget(name, schema, isDemanded, place);
  const isDeep = place.objects > MAX_DEMANDED_OBJECTS && place.lists === 0;
  const isRequired = isDemanded && !(isDeep && widget.kind === "object");
  const isFixed = widget.kind === "choice" && widget.options.length < 2;
  const measure = isFixed ? null : measureOf(name);
  const isCommon =
    place.objects > 1 ||
    name === "prompt" ||
    isWords(name, widget) ||
    measure !== null ||
    /^(seed|files?|object|list|variants)$/.test(widget.kind);
  return {
    name,
    path: place.path,
    label: isForFiles(widget) ? withoutUrl(toLabel(name, title)) : toLabel(name, title),
    description: isText(description) ? description : "",
    isRequired,
    isFolded: !isCommon && !isRequired,
    measure,
    fallback: isRequired ? undefined : schema["default"],
    widget,
  };
}

function readWidget(name: string, schema: JsonObject, isRequired: boolean, place: Place): Widget {
  const { format, maxLength } = schema;
  const options = Array.isArray(schema["enum"]) ? schema["enum"] : null;
  const only = onlyOf(schema);
  if (only !== undefined && isRequired) return { kind: "constant", value: only };
  if (options !== null) return { kind: "choice", options: options.filter((one) => one !== null) };
  if (only !== undefined) return { kind: "choice", options: [only] };
  const variants = readVariants(name, schema, place);
  if (variants.length > 0) return { kind: "variants", variants };
  switch (typeOf(schema)) {
    case "string": {
      if (isFile(format)) return { kind: "file", accept: toAccept(format) };
      const isLong = LONG_NAMES.test(`${name} ${String(schema["title"])}`);
      const isRoomy = typeof maxLength === "number" && maxLength > LONG_TEXT;
      return { kind: "text", isLong: isLong || isRoomy };
    }
    case "integer":
      return readNumber(name, schema, true, place);
    case "number":
      return readNumber(name, schema, false, place);
    case "boolean":
      return { kind: "flag" };
    case "array":
      return readList(name, schema, place);
    case "object":
    case "":
      return readObject(schema, place);
    default:
      return JSON_ALONE;
  }
}

const JSON_ALONE = { kind: "json" } as const;
/** Of texts that have length. */
const LONG_NAMES = /prompt|^neg |negative|text|caption|lyrics|script/i;

function readObject(schema: JsonObject, place: Place): Widget {
  const { members } = readMembers(schema, place.root);
  if (members.length === 0 || place.objects >= MAX_NESTED_OBJECTS) return JSON_ALONE;
  let fields: readonly Field[] | null = null;
  return { kind: "object", members: () => (fields ??= readInside(schema, place)) };
}

function readList(name: string, schema: JsonObject, place: Place): Widget {
  const { root, path, lists } = place;
  const item = resolve(schema["items"], root);
  const most = toCount(schema["maxItems"], Infinity);
  if (typeOf(item) === "string" && isFile(item["format"]))
    return { kind: "files", accept: toAccept(item["format"]), most };
  if (lists >= MAX_NESTED_LISTS) return JSON_ALONE;
  const title = isText(item["title"]) ? item["title"] : toSingular(toLabel(name, schema["title"]));
  const toItem = (id: string, index: number): Field => {
    const field = readField(name, item, true, {
      ...place,
      path: toPath(path, id),
      lists: lists + 1,
    });
    return { ...field, name: id, label: `${title} ${index + 1}` };
  };
  if (toItem("0", 0).widget.kind === "json") return JSON_ALONE;
  return { kind: "list", least: toCount(schema["minItems"], 0), most, item: toItem };
}

/** `Shots` without its s; as it is where that may be no plural, or not as simple. */
function toSingular(label: string): string {
  return label.replace(/(?<=[a-z]|[A-Z]{2})(?<![siu]|ie|[sx]e|[cs]he)s$/, "");
}

/** A field for each of several things that a value may be, named by what distinguishes it. */
function readVariants(name: string, schema: JsonObject, place: Place): readonly Field[] {
  const { root, path, lists } = place;
  if (lists >= MAX_NESTED_LISTS) return [];
  const alternatives = readAlternatives(schema, root);
  const variants = Array.from(alternatives, (alternative, index) => {
    const one = resolve(alternative, root);
    // Of objects, members of the same name share what is typed. No member has the other path: it would have ~0.
    const isObjectLike = readMembers(one, root).members.length > 0;
    const own = isObjectLike ? path : `${path}/~${index}`;
    const field = readField(name, one, true, { ...place, path: own, lists: lists + 1 });
    return { ...field, label: toVariantLabel(alternative, one, field, root) };
  });
  const labels = variants.map(({ label }) => label);
  const isUnique = (label: string): boolean => labels.indexOf(label) === labels.lastIndexOf(label);
  return Array.from(variants, (field, index) =>
    isUnique(field.label) ? field : { ...field, label: `${field.label} ${index + 1}` },
  );
}

const VARIANT_WORDS: Readonly<Record<Widget["kind"], string>> = {
  text: "Text",
  number: "Number",
  seed: "Number",
  choice: "One of these",
  flag: "Yes or no",
  file: "File",
  files: "Files",
  object: "Values",
  list: "List",
  variants: "Other",
  constant: "Fixed",
  json: "JSON",
};

/** Its members' widgets are not looked at: they may lead here again. */
function toVariantLabel(
  { title, $ref }: JsonObject,
  one: JsonObject,
  field: Field,
  root: JsonObject,
): string {
  const constants = readMembers(one, root).members.map(([, member]) => onlyOf(member));
  const referred = isText($ref) ? $ref.slice($ref.lastIndexOf("/") + 1) : "";
  const named = constants.find((constant) => isText(constant)) ?? referred;
  if (isText(title) || named !== "") return toLabel(named, title);
  const { widget } = field;
  return widget.kind === "constant" ? toWords(widget.value) : VARIANT_WORDS[widget.kind];
}

/** The only value that a schema allows; undefined where there are others. */
function onlyOf(schema: JsonObject): unknown {
  const { enum: options } = schema;
  return Array.isArray(options) && options.length === 1 ? options[0] : schema["const"];
}

function toPath(path: string, name: string): string {
  // Every object has some names.
  const own = (name in {} ? "~2" : "") + name.replaceAll("~", "~0").replaceAll("/", "~1");
  return path === "" ? own : `${path}/${own}`;
}

function toCount(count: unknown, otherwise: number): number {
  return typeof count === "number" ? count : otherwise;
}

function readNumber(
  name: string,
  schema: JsonObject,
  isInteger: boolean,
  { objects }: Place,
): Widget {
  const { multipleOf } = schema;
  const minimum = toBound(schema["minimum"], schema["exclusiveMinimum"], isInteger ? 1 : 0);
  const maximum = toBound(schema["maximum"], schema["exclusiveMaximum"], isInteger ? -1 : 0);
  // Only what the input itself names is drawn.
  if (isInteger && objects === 1 && /(^|_)seed$/.test(name))
    return { kind: "seed", minimum, maximum };
  const multiple = typeof multipleOf === "number" && multipleOf > 0 ? multipleOf : null;
  const slider = toSlider({ minimum, maximum }, multiple, isInteger);
  return { kind: "number", minimum, maximum, multiple, slider };
}

const MAX_SPAN = 10_000;
/** A hand can't place it more finely; the number beside it can. */
const STOPS = 128;

/** None where a bound is missing or the values lie too far apart. */
function toSlider(bounds: Bounds, multiple: number | null, isInteger: boolean): Slider | null {
  const { minimum, maximum } = bounds;
  if (minimum === null || maximum === null || maximum <= minimum) return null;
  const span = maximum - minimum;
  if (span > MAX_SPAN) return null;
  if (multiple !== null) return { minimum, maximum, step: multiple };
  // Powers of two meet the sizes that models like; tenths are what people write.
  const step = isInteger
    ? 2 ** Math.max(0, Math.ceil(Math.log2(span / (STOPS * 1.25))))
    : 10 ** Math.ceil(Math.log10(span / (STOPS * 2)));
  return { minimum, maximum, step };
}

function toBound(bound: unknown, exclusive: unknown, inward: number): number | null {
  if (typeof bound === "number") return bound;
  return typeof exclusive === "number" ? exclusive + inward : null;
}

function isFile(format: unknown): format is string {
  return isText(format) && format.endsWith("_uri");
}

function toAccept(format: string): string {
  const kind = format.slice(0, -"_uri".length);
  return /^(image|video|audio)$/.test(kind) ? `${kind}/*` : "image/*,video/*,audio/*";
}

/** What people call a field, by the title that its schema may have. */
export function toLabel(name: string, title?: unknown): string {
  if (isText(title) && title !== "") return title;
  const known = LABELS.get(name);
  if (known !== undefined) return known;
  const picture = /^ctrl_img_(\d+)$/.exec(name);
  if (picture) return `Picture ${picture[1]}`;
  const words = name.replaceAll(/[_-]+/g, " ").trim();
  const label = words.charAt(0).toUpperCase() + words.slice(1);
  return label.replaceAll(/\w+/g, (word) => INITIALISMS.get(word.toLowerCase()) ?? word) || name;
}

/** `Image URL` where the picture itself is given; a label that has no other word stays. */
function withoutUrl(label: string): string {
  return label.replace(/(?<=\S) url$/i, "").replace(/(?<=\S)s? urls$/i, "s");
}

/** Whether it takes files: one, or several. */
export function isForFiles(widget: Widget): widget is Extract<Widget, { kind: "file" | "files" }> {
  return widget.kind === "file" || widget.kind === "files";
}

/** Words that are spoken or sung in the result. */
function isWords(name: string, { kind }: Widget): boolean {
  return kind === "text" && /^(lyrics|script|text|transcript)$/.test(name);
}

/** What must be given and words, the prompt first; then files, what decides the result, seed, and the others as the schema has them. */
function rank({ name, isRequired, measure, widget }: Field): number {
  if (name === "prompt") return 0;
  if (isRequired || isWords(name, widget)) return 1;
  if (isForFiles(widget)) return 2;
  if (measure !== null) return 3;
  if (/^(object|list|variants)$/.test(widget.kind)) return 4;
  return widget.kind === "seed" ? 5 : 6;
}
