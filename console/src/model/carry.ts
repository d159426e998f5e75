import { type Draft, without } from "./draft";
import { ALL_AS_JSON, type Field } from "./fields";
import { suits, toDraft, toInput } from "./input";
import { isObject, isText, type JsonObject } from "./json";

/**
 * What of an input goes into a form: every value that its field there takes whole. What is empty or has no field goes
 * along only within a deployment, as elsewhere it may mean something else.
 */
export function carry(to: readonly Field[], input: unknown, isSame = false): JsonObject {
  const given = Object.entries(isObject(input) ? input : {});
  const taken = given.filter(([name, value]) => {
    const field = to.find((one) => one.name === name);
    const isEmpty = value === null || value === "";
    return field === undefined || isEmpty ? isSame : isTaken(field, value, isSame);
  });
  return Object.fromEntries(taken);
}

function isTaken(field: Field, value: unknown, isSame: boolean): boolean {
  const { widget } = field;
  // A workflow may have files of its own, by their names.
  if (widget.kind === "file") return isText(value);
  if (!suits(field, value)) return false;
  switch (widget.kind) {
    case "number":
    case "seed": {
      const number = Number(value);
      return number >= (widget.minimum ?? -Infinity) && number <= (widget.maximum ?? Infinity);
    }
    case "files":
      return Array.isArray(value) && value.every(isText) && value.length <= widget.most;
    case "list": {
      const isItem = (one: unknown, index: number): boolean =>
        isTaken(widget.item(String(index), index), one, isSame);
      return Array.isArray(value) && value.length <= widget.most && value.every(isItem);
    }
    case "object": {
      const names = isObject(value) ? Object.keys(value) : [];
      return Object.keys(carry(widget.members(), value, isSame)).length === names.length;
    }
    case "variants":
      return widget.variants.some((one) => isTaken(one, value, isSame));
    case "text":
    case "choice":
    case "flag":
    case "constant":
    case "json":
      return true;
  }
}

/** A draft with what was carried in place of what stood in these fields. */
export function fillIn(fields: readonly Field[], draft: Draft, carried: JsonObject): Draft {
  const typed = ALL_AS_JSON in draft ? toDraft(fields, toInput(fields, draft).input) : draft;
  const others = fields
    .filter(({ name }) => Object.hasOwn(carried, name))
    .reduce((left, field) => without(field, left), typed);
  return { ...others, ...toDraft(fields, carried) };
}
