import { type InputIssue, type InputPath, toPathText } from "../job/input.ts";
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from "../job/json.ts";
import { isData, MAPS } from "../runcomfy/vendor-schema.ts";
import { findSchemaErrors, isSchema } from "./compile-schema.ts";
import { explainErrors } from "./explain-errors.ts";
import { type Draft, DRAFTS, type JsonSchema, type SchemaDocument } from "./json-schema.ts";

type ReadSchema = {
  /** Null where there are problems. */
  readonly document: SchemaDocument | null;
  /** What can't be understood, with its location. */
  readonly problems: readonly InputIssue[];
};

/** Reads a JSON Schema of draft 7 or 2020-12. Nothing outside of the document is ever fetched. */
export function readSchema(root: JsonObject): ReadSchema {
  const { $schema = "2020-12" } = root;
  const draft = DRAFTS.find((name) => typeof $schema === "string" && $schema.includes(name));
  if (draft !== undefined) return readDraft(root, draft);
  const message = `names no draft that is read here; use ${DRAFTS.join(" or ")}`;
  return { document: null, problems: [{ path: ["$schema"], message }] };
}

function readDraft(root: JsonObject, draft: Draft): ReadSchema {
  const problems = new Map<string, InputIssue>();
  const targets = new Map<string, JsonSchema>();
  /** What holds, or leads to, what is visited. */
  const underWay = new Set<JsonValue>();
  const visited = new Set<JsonValue>();

  function report(path: InputPath, message: string): void {
    // The first of a location says most: others follow from it.
    const location = toPathText(path);
    if (!problems.has(location)) problems.set(location, { path, message });
  }

  function toSchema({ path, value }: Location): JsonSchema | null {
    if (isSchema(draft, value)) return value;
    const context = { input: value, spell: (own: InputPath) => own };
    for (const issue of explainErrors(findSchemaErrors(draft, value), context)) {
      report([...path, ...issue.path], issue.message);
    }
    return null;
  }

  function visit({ path, value }: Location, isMap: boolean): void {
    if (typeof value !== "object" || value === null || visited.has(value)) return;
    visited.add(value);
    underWay.add(value);
    if (!isMap && isJsonObject(value)) visitSchema(value, path);
    for (const key of Object.keys(value)) {
      const member = stepInto({ path, value }, key);
      if (member !== null && (isMap || !isData(key))) visit(member, !isMap && MAPS.has(key));
    }
    underWay.delete(value);
  }

  function visitSchema(schema: JsonObject, path: InputPath): void {
    const { $id, $ref, type, nullable } = schema;
    for (const word of UNREAD) {
      if (Object.hasOwn(schema, word)) report([...path, word], "is not read here; leave it out");
    }
    if (path.length > 0 && typeof $id === "string" && !$id.startsWith("#")) {
      report([...path, "$id"], "would move the references below it; leave it out");
    }
    if (nullable !== undefined && (typeof nullable !== "boolean" || type === undefined)) {
      const instead = 'write anyOf with {"type":"null"} instead';
      report([...path, "nullable"], `must be true or false, beside a type; ${instead}`);
    }
    if (typeof $ref !== "string") return;
    const target = follow(root, $ref);
    if (typeof target === "string") return report([...path, "$ref"], target);
    if (underWay.has(target.value)) {
      const instead = "write true there, which allows any JSON";
      return report([...path, "$ref"], `leads in a circle (${$ref}); ${instead}`);
    }
    if (!targets.has($ref)) targets.set($ref, toSchema(target) ?? true);
    visit(target, false);
  }

  const whole: Location = { path: [], value: root };
  const schema = toSchema(whole) ?? true;
  visit(whole, false);
  const isUnderstood = problems.size === 0 && schema !== true && schema !== false;
  return {
    document: isUnderstood ? { draft, root: schema, targets } : null,
    problems: [...problems.values()],
  };
}

type Location = { readonly path: InputPath; readonly value: JsonValue };

/** Words by which Ajv would do other things than are shown. */
const UNREAD = ["$dynamicRef", "$async"];

/** The location in the document that a `$ref` leads to, or what is wrong with it. */
function follow(root: JsonObject, $ref: string): Location | string {
  if (!$ref.startsWith("#")) {
    return `leads out of the document (${$ref}), and nothing is ever fetched; put it under $defs and write #/$defs/name`;
  }
  const [anchor, ...segments] = $ref.slice(1).split("/");
  let location: Location | null = anchor === "" ? { path: [], value: root } : null;
  for (const segment of segments) {
    const name = decode(segment).replaceAll("~1", "/").replaceAll("~0", "~");
    location = location && stepInto(location, name);
  }
  return (
    location ??
    `leads to nothing in this document (${$ref}); write the way from the top, as in #/$defs/name`
  );
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // A percent sign may escape nothing.
    return segment;
  }
}

function stepInto({ path, value }: Location, key: string): Location | null {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return null;
  if (!isJsonArray(value)) return { path: [...path, key], value: value[key] ?? null };
  return { path: [...path, Number(key)], value: value[Number(key)] ?? null };
}
