import type { InputPath } from "../../job/input-issue.ts";
import type { JsonValue } from "../../job/json.ts";
import { isJsonArray } from "../../job/json.ts";
import type { JsonType, SchemaProblem } from "../json-schema.ts";
import { JSON_TYPES } from "../json-schema.ts";
import { didYouMean, nearMisses } from "../near-misses.ts";

/** What a `type` says; `types` is undefined where it allows all. */
type ReadTypes = {
  readonly types: readonly JsonType[] | undefined;
  /** The format that a type such as `image_uri` stands for. */
  readonly format: string | undefined;
  /** Their paths start at the `type`. */
  readonly problems: readonly SchemaProblem[];
};

/** Reads a `type` or list of types, with the words of other languages for them, in any case of letters. */
export function readTypes(value: JsonValue): ReadTypes {
  const types = new Set<JsonType>();
  const problems: SchemaProblem[] = [];
  let format: string | undefined;
  let allowsAll = false;

  function readWord(written: JsonValue, path: InputPath): void {
    // YAML makes null of the word null.
    const word = written === null ? "null" : written;
    const type = typeof word === "string" ? TYPES.get(word.toLowerCase()) : undefined;
    if (typeof word !== "string") {
      problems.push({
        path,
        message: `must be a type or a list of types: ${JSON_TYPES.join(", ")}`,
      });
    } else if (word.toLowerCase() === ANY) {
      allowsAll = true;
    } else if (type === undefined) {
      problems.push({ path, message: `${JSON.stringify(word)} is no JSON type${hint(word)}` });
    } else {
      types.add(type);
      const isChecked = format?.endsWith("_uri") === true;
      if (FORMATS.has(word.toLowerCase()) && !isChecked) format = word.toLowerCase();
    }
  }

  if (!isJsonArray(value)) readWord(value, []);
  else if (value.length > 0) value.forEach((word, index) => readWord(word, [index]));
  else problems.push({ path: [], message: "names no type; name one or leave it out" });
  return { types: allowsAll || types.size === 0 ? undefined : [...types], format, problems };
}

const ANY = "any";
const FORMATS = new Set(["image_uri", "video_uri", "audio_uri", "file_uri", "uri", "url"]);

const TYPES: ReadonlyMap<string, JsonType> = new Map<string, JsonType>([
  ...JSON_TYPES.map((type) => [type, type] as const),
  ...[...FORMATS].map((format) => [format, "string"] as const),
  ["str", "string"],
  ["text", "string"],
  ["int", "integer"],
  ["int32", "integer"],
  ["int64", "integer"],
  ["long", "integer"],
  ["float", "number"],
  ["double", "number"],
  ["decimal", "number"],
  ["bool", "boolean"],
  ["dict", "object"],
  ["map", "object"],
  ["list", "array"],
  ["none", "null"],
]);

function hint(word: string): string {
  const near = nearMisses(word, [...TYPES.keys(), ANY]).slice(0, 1);
  return near.length > 0 ? didYouMean(near) : `; use one of ${JSON_TYPES.join(", ")}`;
}
