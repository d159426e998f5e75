import type { ObjectShape, Shape } from "../deployments/shape/shape.ts";
import type { InputPath } from "../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { isJsonArray, isJsonObject } from "../job/json.ts";

/**
 * The upstream's body of a generated input. `value` is what GraphQL made of the argument, and `written` the argument as
 * it was sent: GraphQL makes a list of a bare value, which the upstream would not, so it is made bare again.
 */
export function toBody(object: ObjectShape, value: object, written: unknown): JsonObject {
  const members = object.fields.flatMap((field): [string, JsonValue][] => {
    const { name, graphqlName, shape } = field;
    const member = memberOf(value, graphqlName);
    // Null is as good as left out, unless the upstream knows the difference.
    if (member === undefined || (member === null && !shape.isNullable)) return [];
    return [[name, toJson(shape, member, memberOf(written, graphqlName))]];
  });
  return Object.fromEntries(members);
}

/** How a caller of the generated mutation spells a path of the upstream's. */
export function toTypedPath(object: ObjectShape, path: InputPath): InputPath {
  const [name, ...rest] = path;
  const field = object.fields.find((one) => one.name === name);
  return field === undefined ? path : [field.graphqlName, ...toPathBelow(field.shape, rest)];
}

function toPathBelow(shape: Shape, path: InputPath): InputPath {
  if (shape.kind === "object") return toTypedPath(shape.object, path);
  const [index, ...rest] = path;
  if (shape.kind !== "list" || index === undefined) return path;
  return [index, ...toPathBelow(shape.item, rest)];
}

function toJson(shape: Shape, value: JsonValue, written: unknown): JsonValue {
  if (shape.kind === "object" && isJsonObject(value)) return toBody(shape.object, value, written);
  if (shape.kind !== "list" || !isJsonArray(value)) return value;
  const [first = null] = value;
  if (!Array.isArray(written)) return toJson(shape.item, first, written);
  return value.map((item, index) => toJson(shape.item, item, written[index]));
}

/** Only an own member: every object has a `constructor` else. */
function memberOf(value: unknown, name: string): JsonValue | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
