import type { InputPath } from "../../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../../job/json.ts";
import { isJsonArray, isJsonObject } from "../../job/json.ts";
import { MAP_KEYWORDS } from "../subschemas.ts";

/** How deep a schema document may nest, in steps from its root. */
export const DEEPEST = 64;

/** A place in a document: the way there, what is there, and the URI that its references are relative to. */
export type SchemaPlace = {
  readonly path: InputPath;
  readonly value: JsonValue;
  readonly base: string;
};

export type SchemaReferences = {
  readonly root: SchemaPlace;
  /** The place that a `$ref` at a place with that base names, or what is wrong with it. */
  resolve(reference: string, base: string): SchemaPlace | string;
};

/** Finds the `$id`s and anchors of a document, so that references by any of them can be followed inside it. */
export function indexReferences(document: JsonObject): SchemaReferences {
  const root = { path: [], value: document, base: baseInside(document, [], NO_URI) };
  const resources = new Map([[root.base, root]]);
  const anchors = new Map<string, SchemaPlace>();
  index(root, false, resources, anchors);

  function resolve(reference: string, base: string): SchemaPlace | string {
    const [address, fragment] = splitReference(reference);
    const uri = address === "" ? base : URL.parse(address, base)?.href;
    const resource = uri === undefined ? undefined : resources.get(uri);
    if (resource === undefined) {
      return `leads out of the document (${reference}); nothing remote is ever fetched, so put it under $defs`;
    }
    if (fragment === "") return resource;
    for (const name of new Set([decode(fragment), fragment])) {
      // Generators give properties an $id of their own and still write their references from the root.
      const place = name.startsWith("/")
        ? (follow(resource, name) ?? (address === "" ? follow(root, name) : null))
        : anchors.get(`${uri}#${name}`);
      if (place) return place;
    }
    return `leads to nothing in this document (${reference}); correct it, or put what it names under $defs`;
  }

  return { root, resolve };
}

/** The member or item of a place, or null when it has none of that name. */
export function stepInto(place: SchemaPlace, key: string | number): SchemaPlace | null {
  const value = memberOf(place.value, key);
  if (value === undefined) return null;
  const path = [...place.path, key];
  return { path, value, base: baseInside(value, path, place.base) };
}

/** A text that is the same for the same place, and for no other. */
export function toPlaceKey(place: SchemaPlace): string {
  return JSON.stringify(place.path);
}

/** Where a document without an `$id` is; nothing is ever fetched from it. */
const NO_URI = "document:///";

/** What these hold is data, and no schema in it counts. */
const DATA_KEYWORDS = new Set(["const", "default", "enum", "example", "examples"]);
const MAPS: ReadonlySet<string> = new Set([
  ...MAP_KEYWORDS,
  "$defs",
  "definitions",
  "dependencies",
]);

function index(
  place: SchemaPlace,
  isMap: boolean,
  resources: Map<string, SchemaPlace>,
  anchors: Map<string, SchemaPlace>,
): void {
  if (!resources.has(place.base)) resources.set(place.base, place);
  if (!isMap) {
    for (const anchor of anchorsOf(place)) {
      const name = `${place.base}#${anchor}`;
      if (!anchors.has(name)) anchors.set(name, place);
    }
  }
  if (place.path.length >= DEEPEST || typeof place.value !== "object") return;
  for (const [key, value] of Object.entries(place.value ?? {})) {
    if (typeof value !== "object" || (!isMap && DATA_KEYWORDS.has(key))) continue;
    const member = stepInto(place, isJsonArray(place.value) ? Number(key) : key);
    if (member !== null) index(member, !isMap && MAPS.has(key), resources, anchors);
  }
}

function anchorsOf({ value, path }: SchemaPlace): string[] {
  if (!isJsonObject(value)) return [];
  const named = [value["$anchor"], value["$dynamicAnchor"]].filter(
    (anchor) => typeof anchor === "string",
  );
  const [, fragment] = splitReference(idOf(value, path));
  return fragment === "" ? named : [...named, fragment];
}

function baseInside(value: JsonValue, path: InputPath, base: string): string {
  if (!isJsonObject(value)) return base;
  const [address] = splitReference(idOf(value, path));
  return address === "" ? base : (URL.parse(address, base)?.href ?? base);
}

function idOf(value: JsonObject, path: InputPath): string {
  const { $id, id } = value;
  if (typeof $id === "string") return $id;
  // Draft 4's `id` is too common a word to let it move what lies inside.
  return typeof id === "string" && (path.length === 0 || id.startsWith("#")) ? id : "";
}

function splitReference(reference: string): readonly [address: string, fragment: string] {
  const hash = reference.indexOf("#");
  if (hash === -1) return [reference, ""];
  return [reference.slice(0, hash), reference.slice(hash + 1)];
}

function follow(start: SchemaPlace, pointer: string): SchemaPlace | null {
  let place: SchemaPlace | null = start;
  for (const segment of pointer.split("/").slice(1)) {
    const key = segment.replaceAll("~1", "/").replaceAll("~0", "~");
    if (place !== null) place = stepInto(place, isJsonArray(place.value) ? toIndex(key) : key);
  }
  return place;
}

function memberOf(value: JsonValue, key: string | number): JsonValue | undefined {
  if (isJsonArray(value)) return typeof key === "number" ? value[key] : undefined;
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function toIndex(segment: string): number {
  return /^(?:0|[1-9]\d*)$/.test(segment) ? Number(segment) : -1;
}

function decode(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    // A bare percent sign: the author did not escape, so there is nothing to undo.
    return fragment;
  }
}
