import { isJsonObject, type JsonObject, type JsonValue } from "../../../job/json.ts";
import type { EntryTools, Notes } from "../kind.ts";

/** Where a ComfyUI workflow takes a value. */
type Target = { readonly node: string; readonly input: string };

/**
 * Reads the names that callers use for inputs of a workflow's nodes, each with words of JSON Schema beside its node. What
 * has no name can't be given.
 */
export function readMapping(
  inputs: JsonObject,
  tools: EntryTools,
  { report, warn }: Notes,
): { readonly schema: JsonObject; readonly toBody: (input: JsonObject) => JsonObject } {
  const form = toTargetForm(tools);
  const targets = new Map<string, Target>();
  const names = new Map<string, string>();
  const properties: [string, JsonObject][] = [];
  const required: string[] = [];
  for (const [name, value] of Object.entries(inputs)) {
    const { data: target, error } = form.safeParse(value);
    for (const { path, message } of error?.issues ?? [])
      report(["inputs", name, ...path.map(String)], message);
    if (target === undefined || !isJsonObject(value)) continue;
    const place = JSON.stringify([target.node, target.input]);
    const twin = names.get(place);
    names.set(place, name);
    if (twin !== undefined)
      report(["inputs", name], `sets the same input of the same node as ${twin}; keep one`);
    targets.set(name, target);
    properties.push([name, toSchema(value, form.shape)]);
    if (target.required) required.push(name);
  }
  if (properties.length === 0)
    warn(["inputs"], "names no input, so nothing of the workflow can be set; name its prompt");
  return {
    schema: {
      type: "object",
      properties: Object.fromEntries(properties),
      ...(required.length > 0 && { required }),
      additionalProperties: false,
    },
    toBody: (input) => ({ overrides: toOverrides(input, targets) }),
  };
}

function toTargetForm({ z, text }: EntryTools) {
  return z.object(
    {
      node: text.min(1, 'must be the id of a node, such as "6"'),
      input: text.min(1, 'must be the name of an input of the node, such as "text"'),
      required: z.boolean("must be true or false").default(false),
    },
    'must be an object such as {"node":"6","input":"text"}',
  );
}

/** The words of JSON Schema; a string, where they say nothing of the type. */
function toSchema(value: JsonObject, ofTarget: object): JsonObject {
  const words = Object.entries(value).filter(([word]) => !Object.hasOwn(ofTarget, word));
  const isTyped = words.some(([word]) => TYPING_WORDS.has(word));
  return Object.fromEntries(isTyped ? words : [["type", "string"], ...words]);
}

const TYPING_WORDS: ReadonlySet<string> = new Set([
  ...["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"],
]);

/** Values by node and input. */
function toOverrides(input: JsonObject, targets: ReadonlyMap<string, Target>): JsonObject {
  const nodes = new Map<string, [string, JsonValue][]>();
  for (const [name, value] of Object.entries(input)) {
    const target = targets.get(name);
    if (target === undefined) continue;
    const members = nodes.get(target.node) ?? [];
    members.push([target.input, value]);
    nodes.set(target.node, members);
  }
  return Object.fromEntries(
    Array.from(nodes, ([node, members]) => [node, { inputs: Object.fromEntries(members) }]),
  );
}
