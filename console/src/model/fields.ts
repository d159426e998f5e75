import { isObject, isText, type JsonObject } from "./json";
import { readMembers, resolve, typeOf } from "./schema";

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
  | { readonly kind: "json" };

export type Field = {
  /** At RunComfy; `REST` for the members that no other field names. */
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly isRequired: boolean;
  /** Used seldom, so that it stands apart. */
  readonly isFolded: boolean;
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
const LONG_TEXT = 500;

/** The fields of a deployment's input in the order of the form; one for all of it where nothing is known of it. */
export function readFields(inputSchema: unknown): readonly Field[] {
  const schema = isObject(inputSchema) ? resolve(inputSchema, inputSchema) : {};
  const { members, required } = readMembers(schema);
  if (members.length === 0) return [WHOLE];
  const fields = members.map(([name, member]) =>
    readField(name, member, required.has(name), schema),
  );
  const isOpen = schema["additionalProperties"] !== false;
  return [...fields.toSorted((one, other) => rank(one) - rank(other)), ...(isOpen ? [OTHERS] : [])];
}

/** The fields of a form, and one for the rest where a draft has what no field can hold. */
export function withOthers(fields: readonly Field[], draft: object): readonly Field[] {
  const isHeld = !(REST in draft) || fields.some(({ name }) => name === REST);
  return isHeld ? fields : [...fields, OTHERS];
}

const WHOLE: Field = {
  name: REST,
  label: "Input",
  description: "Nothing is known of this deployment's fields: write what it takes as JSON.",
  isRequired: true,
  isFolded: false,
  fallback: undefined,
  widget: { kind: "json" },
};
const OTHERS: Field = {
  ...WHOLE,
  label: "Other values",
  description: "What no field above is for, as a JSON object.",
  isRequired: false,
  isFolded: true,
};

function readField(name: string, schema: JsonObject, isRequired: boolean, root: JsonObject): Field {
  const { title, description } = schema;
  const widget = readWidget(name, schema, root);
  const isCommon = /^(prompt|width|height)$/.test(name) || /^(seed|files?)$/.test(widget.kind);
  return {
    name,
    label: toLabel(name, title),
    description: isText(description) ? description : "",
    isRequired,
    isFolded: !isCommon && !isRequired,
    fallback: isRequired ? undefined : schema["default"],
    widget,
  };
}

function readWidget(name: string, schema: JsonObject, root: JsonObject): Widget {
  const { format, maxLength } = schema;
  const options = Array.isArray(schema["enum"]) ? schema["enum"] : null;
  if (options !== null) return { kind: "choice", options: options.filter((one) => one !== null) };
  if (schema["const"] !== undefined) return { kind: "choice", options: [schema["const"]] };
  switch (typeOf(schema)) {
    case "string": {
      if (isFile(format)) return { kind: "file", accept: toAccept(format) };
      const isLong = /prompt|^neg$|negative|text|caption/.test(name);
      const isRoomy = typeof maxLength === "number" && maxLength > LONG_TEXT;
      return { kind: "text", isLong: isLong || isRoomy };
    }
    case "integer":
      return readNumber(name, schema, true);
    case "number":
      return readNumber(name, schema, false);
    case "boolean":
      return { kind: "flag" };
    case "array": {
      const { items, maxItems } = schema;
      const item = resolve(items, root);
      if (typeOf(item) !== "string" || !isFile(item["format"])) return { kind: "json" };
      const most = typeof maxItems === "number" ? maxItems : Infinity;
      return { kind: "files", accept: toAccept(item["format"]), most };
    }
    default:
      return { kind: "json" };
  }
}

function readNumber(name: string, schema: JsonObject, isInteger: boolean): Widget {
  const { multipleOf } = schema;
  const minimum = toBound(schema["minimum"], schema["exclusiveMinimum"], isInteger ? 1 : 0);
  const maximum = toBound(schema["maximum"], schema["exclusiveMaximum"], isInteger ? -1 : 0);
  if (isInteger && /(^|_)seed$/.test(name)) return { kind: "seed", minimum, maximum };
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
  return words === "" ? name : words.charAt(0).toUpperCase() + words.slice(1);
}

/** What must be given, the prompt first; then files, sizes, seed, and the others as the schema has them. */
function rank({ name, isRequired, widget }: Field): number {
  if (name === "prompt") return 0;
  if (isRequired) return 1;
  if (widget.kind === "file" || widget.kind === "files") return 2;
  if (name === "width") return 3;
  if (name === "height") return 4;
  return widget.kind === "seed" ? 5 : 6;
}
